"""Sphinx configuration; `make docs` builds with warnings as errors."""

import configparser
import pathlib
import sys

import docutils.nodes

root = pathlib.Path(__file__).resolve().parents[2]
setup = configparser.ConfigParser()
setup.read(root / 'setup.cfg')

# Extensions of our own.
sys.path.insert(0, str(root / 'doc/ext'))

project = setup['metadata']['name']
author = 'the python-blazarclient developers'
version = release = setup['metadata']['version']

extensions = [
    'cliff.sphinxext',
    'oslo_config.sphinxconfiggen',
    'oslo_policy.sphinxpolicygen',
    'reno.sphinxext',
    'sphinx.ext.autodoc',
    'sphinx.ext.viewcode',
    # After those that they build on.
    'command_examples',
    'fields_table',
]
# Parts of another page, not pages of their own.
exclude_patterns = ['contributor/*-table.rst']

# Samples of what an operator may write, made from what the program reads.
config_generator_config_file = [
    (str(root / 'doc/config-generator.conf'), 'operator/blazar-gateway'),
]
policy_generator_config_file = [
    (str(root / 'doc/policy-generator.conf'), 'operator/blazar-gateway'),
]

# The commands of the reference are read from their entry points.
autoprogram_cliff_application = 'openstack'
# user/environment.rst says once what all of these do.
autoprogram_cliff_ignored = [
    *('--help', '--format', '--column', '--sort-column', '--sort-ascending', '--sort-descending'),
    *('--quote', '--noindent', '--prefix', '--max-width', '--fit-width', '--print-empty'),
]

autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'show-inheritance': True}
autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'

highlight_language = 'console'
pygments_style = 'friendly'
# Options start with two dashes; they must not become one long dash.
smartquotes = False

html_theme = 'alabaster'
html_title = f'{project} {release}'
html_theme_options = {
    'description': setup['metadata']['description'],
    'fixed_sidebar': True,
    'page_width': '1080px',
    'sidebar_width': '240px',
}


def title_of_the_next_release(app, doctree):
    """Call the notes above the newest tag by the version that they will be released as."""
    for title in doctree.findall(docutils.nodes.title):
        if title.astext() == '0.0.0' or title.astext().startswith(f'{release}-'):
            title.children = [docutils.nodes.Text(f'{release} (not released yet)')]


def setup(app):
    app.connect('doctree-read', title_of_the_next_release)
