"""The environments that are compared: 4.6.0, this checkout, neither; the rest is the same."""

import contextlib
import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
UPSTREAM = 'python-blazarclient==4.6.0'
#: What an installation of this checkout is made from.
SOURCES = ('blazarclient', 'setup.cfg', 'pyproject.toml', 'README.rst', 'LICENSE')
INSTALL_SECONDS = 600


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """A Python that runs."""

    version: str
    path: str


@dataclasses.dataclass(frozen=True)
class Environment:
    """An environment with the packages of one side of a comparison."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / 'bin' / 'python')

    def script(self, name: str) -> str:
        """Path of one of its commands."""
        return str(self.folder / 'bin' / name)


@dataclasses.dataclass(frozen=True)
class Environments:
    """What is installed for one interpreter; `ours` is None when only 4.6.0 is measured."""

    interpreter: Interpreter
    upstream: Environment
    ours: Environment | None
    plain: Environment


class InstallFailed(Exception):
    """pip or venv ended with an error; the text is what it said."""


def run(*argv: str) -> str:
    """Run a program to its end and return what it printed."""
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise InstallFailed(f'{" ".join(argv)} ended with {done.returncode}:\n{said}')
    return done.stdout


def find_interpreter(name: str) -> Interpreter | None:
    """Return the Python of this name, or None where there is none that runs."""
    candidates = [name]
    with contextlib.suppress(OSError, InstallFailed):
        # pyenv puts a name on PATH also for a Python that is not the selected one.
        candidates += run('pyenv', 'whence', '--path', name).split()
    code = 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable)'
    for candidate in candidates:
        with contextlib.suppress(OSError, InstallFailed):
            version, path = run(candidate, '-c', code).strip().split(' ', 1)
            return Interpreter(version, path)
    return None


class Builder:
    """Makes the environments below one folder, and leaves those alone that are up to date."""

    def __init__(self, home: Path, *, fresh: bool) -> None:
        self.home = home
        self.fresh = fresh

    def build(self, interpreter: Interpreter, *, ours: bool) -> Environments:
        """Return the environments for an interpreter.

        Raises InstallFailed when a package cannot be installed.
        """
        folder = self.home / 'environments' / interpreter.version
        constraints = folder / 'constraints.txt'
        upstream = self._environment(folder / 'upstream', interpreter)
        self._install(upstream, UPSTREAM, UPSTREAM, 'python-openstackclient')
        frozen = self._pip(upstream, 'freeze').splitlines()
        constraints.write_text(
            ''.join(f'{line}\n' for line in frozen if 'blazarclient' not in line)
        )
        same = ('-c', str(constraints), 'python-openstackclient')
        key = hashlib.sha256(constraints.read_bytes()).hexdigest()
        plain = self._environment(folder / 'plain', interpreter)
        self._install(plain, key, *same)
        mine = None
        if ours:
            mine = self._environment(folder / 'ours', interpreter)
            self._install(mine, key, *same)
            self._install_checkout(mine, constraints)
        return Environments(interpreter, upstream, mine, plain)

    def _environment(self, folder: Path, interpreter: Interpreter) -> Environment:
        environment = Environment(folder)
        if self.fresh and folder.exists():
            shutil.rmtree(folder)
        if not Path(environment.python).exists():
            print(f'making {folder}', file=sys.stderr)
            # pip stays outside: it need not be there to be measured.
            run(interpreter.path, '-m', 'venv', '--clear', '--without-pip', str(folder))
        return environment

    def _pip(self, environment: Environment, *words: str) -> str:
        return run(
            sys.executable, '-m', 'pip', '--disable-pip-version-check',
            '--python', environment.python, *words,
        )  # fmt: skip

    def _install(self, environment: Environment, key: str, *words: str) -> None:
        stamp = Stamp(environment.folder, 'installed')
        if stamp.holds(key):
            return
        self._pip(environment, 'install', '-q', '--compile', *words)
        stamp.write(key)

    def _install_checkout(self, environment: Environment, constraints: Path) -> None:
        # A copy is built: setuptools would leave its build folder in the checkout, and the
        # checkout may be edited meanwhile.
        copy = self.home / 'source'
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        for name in SOURCES:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns('__pycache__'))
            elif source.exists():
                shutil.copy(source, copy / name)
        key = fingerprint(copy)
        stamp = Stamp(environment.folder, 'checkout')
        if stamp.holds(key):
            return
        print(f'installing this checkout into {environment.folder}', file=sys.stderr)
        pip = ('install', '-q', '--compile', '-c', str(constraints))
        self._pip(environment, *pip, '--force-reinstall', '--no-deps', str(copy))
        self._pip(environment, *pip, str(copy))
        stamp.write(key)


class Stamp:
    """A note in an environment of what was installed into it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f'{name}.json'

    def holds(self, key: str) -> bool:
        """Whether this is what was installed last."""
        return self.file.exists() and json.loads(self.file.read_text()) == key

    def write(self, key: str) -> None:
        """Note what was installed."""
        self.file.write_text(json.dumps(key))


def fingerprint(folder: Path) -> str:
    """Return a text that changes when a file below the folder does."""
    seen = hashlib.sha256()
    for path in sorted(folder.rglob('*')):
        if path.is_file():
            seen.update(f'{path.relative_to(folder)}\0'.encode() + path.read_bytes())
    return seen.hexdigest()
