"""Who may do what."""

import pathlib

import pytest
from oslo_config import cfg

from blazarclient.server import config, policy
from blazarclient.server.policy import Policy

OWN = {'project_id': 'research', 'user_id': 'alice'}
FOREIGN = {'project_id': 'teaching', 'user_id': 'bob'}

READER = {'project_id': 'research', 'user_id': 'rita', 'roles': ['reader']}
MEMBER = {'project_id': 'research', 'user_id': 'alice', 'roles': ['member', 'reader']}
ADMIN = {'project_id': 'admin', 'user_id': 'admin', 'roles': ['admin', 'member', 'reader']}
NOBODY: dict[str, object] = {'project_id': '', 'user_id': 'x', 'roles': []}

READ = (
    'blazar:leases:get',
    'blazar:floatingips:get',
    'reservation:subscriptions:get',
    'reservation:notifications:get',
)
CHANGE = (
    'blazar:leases:post',
    'blazar:leases:put',
    'blazar:leases:delete',
    'reservation:subscriptions:post',
    'reservation:subscriptions:patch',
    'reservation:subscriptions:delete',
)
ADMINISTER = (
    'admin',
    'blazar:oshosts:get',
    'blazar:oshosts:post',
    'blazar:oshosts:put',
    'blazar:oshosts:delete',
    'blazar:oshosts:get_allocations',
    'blazar:oshosts:get_resource_properties',
    'blazar:oshosts:update_resource_properties',
    'blazar:floatingips:post',
    'blazar:floatingips:delete',
    'reservation:subscriptions:get_all',
    'reservation:subscriptions:post_all',
    'reservation:notifications:get_all',
)
#: It tells counts and no names, whoever's the leases are.
ANYBODY = 'reservation:availability:get'


@pytest.fixture(params=['alone', 'with options'])
def rules(request: pytest.FixtureRequest) -> Policy:
    """The defaults, however they are loaded."""
    return Policy() if request.param == 'alone' else Policy(config.load())


@pytest.mark.parametrize(
    ('credentials', 'own', 'foreign'),
    [
        (NOBODY, (), ()),
        (READER, READ, ()),
        (MEMBER, READ + CHANGE, ()),
        (ADMIN, READ + CHANGE + ADMINISTER, READ + CHANGE + ADMINISTER),
    ],
    ids=['nobody', 'reader', 'member', 'admin'],
)
def test_defaults(
    rules: Policy,
    credentials: dict[str, object],
    own: tuple[str, ...],
    foreign: tuple[str, ...],
) -> None:
    """Each role may do what it may do in Blazar, and nothing else."""
    every = READ + CHANGE + ADMINISTER
    assert tuple(rule for rule in every if rules.check(rule, OWN, credentials)) == own
    assert tuple(rule for rule in every if rules.check(rule, FOREIGN, credentials)) == foreign


def test_every_rule_is_tried() -> None:
    """No rule is forgotten in the test above."""
    named = {rule.name for rule in policy.list_rules() if ':' in rule.name}
    assert named == {*READ, *CHANGE, *ADMINISTER, ANYBODY} - {'admin'}


def test_who_may_ask_what_is_free(rules: Policy) -> None:
    """Whoever has a role in a project."""
    assert [rules.check(ANYBODY, FOREIGN, each) for each in (READER, MEMBER, ADMIN)] == [True] * 3
    assert not rules.check(ANYBODY, OWN, NOBODY)


def test_an_unknown_rule_allows_nothing(rules: Policy) -> None:
    """A misspelt rule is a closed door, also for an administrator."""
    assert not rules.check('blazar:leases:list', OWN, ADMIN)


def test_roles_are_no_matter_of_case(rules: Policy) -> None:
    """Keystone's roles are what they are in whatever case."""
    assert rules.check('admin', {}, {'roles': ['Admin']})


def _site(folder: pathlib.Path, text: str) -> cfg.ConfigOpts:
    options = folder / 'gateway.conf'
    options.write_text(f'[oslo_policy]\npolicy_file = {folder}/policy.yaml\n')
    (folder / 'policy.yaml').write_text(text)
    return config.load([str(options)])


def test_a_site_changes_a_rule(tmp_path: pathlib.Path) -> None:
    """A policy.yaml changes what it names and leaves the rest."""
    site = Policy(_site(tmp_path, '"blazar:oshosts:get": "role:reader"\n'))
    assert site.check('blazar:oshosts:get', OWN, READER)
    assert not site.check('blazar:oshosts:put', OWN, READER)
    assert site.check('blazar:leases:get', OWN, READER)


def test_a_rule_that_the_site_has_from_an_older_blazar(tmp_path: pathlib.Path) -> None:
    """``rule:admin_or_owner`` of an older policy file still means what it did."""
    site = Policy(_site(tmp_path, '"blazar:leases:put": "rule:admin_or_owner"\n'))
    assert site.check('blazar:leases:put', OWN, READER)
    assert not site.check('blazar:leases:put', FOREIGN, READER)
    assert site.check('blazar:leases:put', FOREIGN, ADMIN)


def test_the_defaults_alone_read_no_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox does not do what a policy.yaml says that happens to lie here."""
    (tmp_path / 'policy.yaml').write_text('"blazar:leases:get": "@"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert not Policy().check('blazar:leases:get', OWN, NOBODY)
