"""Each module says in __all__ what it offers, and offers nothing else."""

import ast
import importlib
import pathlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import blazarclient

#: Programs of their own, whose names are for their own use.
APART = ('blazarclient.osc', 'blazarclient.server', 'blazarclient.shell')
MODULES = [
    importlib.import_module(each.name)
    for each in pkgutil.walk_packages(blazarclient.__path__, 'blazarclient.')
    if not each.name.startswith(APART) and not each.ispkg
]


def by_name(module: ModuleType) -> str:
    return module.__name__


@pytest.mark.parametrize('module', MODULES, ids=by_name)
def test_every_public_name(module: ModuleType) -> None:
    """It exists, is sorted, and no public class, function or constant of the API is missing."""
    names: list[str] = list(module.__all__)
    assert names == sorted(names, key=_like_ruff)
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(module, name), name
    assert classes_and_functions(module) <= set(names)


def classes_and_functions(module: ModuleType) -> set[str]:
    """The public ones that are defined at the top of the module's own text."""
    tree = ast.parse(pathlib.Path(str(module.__file__)).read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith('_')
    }


def _like_ruff(name: str) -> tuple[int, str]:
    """CONSTANTS first, then Classes, then functions, as the linter sorts them."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


def test_names_of_the_package() -> None:
    """What `import blazarclient` offers, loaded when it is asked for."""
    assert sorted(blazarclient.__all__) == ['BlazarClientException', 'Client', '__version__']
    for name in blazarclient.__all__:
        assert getattr(blazarclient, name)
    assert dir(blazarclient) == sorted(blazarclient.__all__)
    assert blazarclient.Client.__module__ == 'blazarclient.client'
    with pytest.raises(AttributeError, match=r"module 'blazarclient' has no attribute 'nope'"):
        blazarclient.nope  # noqa: B018


def test_star_imports() -> None:
    """`from ... import *` gives the names of __all__ and no others."""
    for module in MODULES:
        names: dict[str, object] = {}
        exec(f'from {module.__name__} import *', names)
        assert set(names) - {'__builtins__'} == set(module.__all__)


def test_importing_the_package_costs_nothing() -> None:
    """The plugin's entry point imports it at every start of `openstack`."""
    code = (
        'import sys; before = set(sys.modules); import blazarclient; '
        'print(*sorted(set(sys.modules) - before))'
    )
    folder = pathlib.Path(blazarclient.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, '-c', code], cwd=folder, capture_output=True, text=True, check=True
    )
    loaded = ran.stdout.split()
    assert [name for name in loaded if name.startswith('blazarclient')] == ['blazarclient']
    assert not {'json', 'requests', 'keystoneauth1', 'yaml', 'datetime', 'logging'} & set(loaded)
