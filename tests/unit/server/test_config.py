"""The options of the service."""

import pathlib

import pytest
from oslo_config import cfg

from blazarclient.server import config
from blazarclient.server.config import Settings


def _file(tmp_path: pathlib.Path, text: str) -> str:
    path = tmp_path / 'gateway.conf'
    path.write_text(text)
    return str(path)


def test_defaults_are_those_of_blazar() -> None:
    """Without a file, settings and options agree, and are what Blazar does without a file."""
    assert Settings.of(config.load()) == Settings()
    assert Settings() == Settings(
        cleaning_time=0, minutes_before_end_lease=60, event_timeout=60, pin=None
    )


def test_a_file_says_otherwise(tmp_path: pathlib.Path) -> None:
    """Every group of options is read from a file."""
    path = _file(
        tmp_path,
        """
        [DEFAULT]
        debug = true
        [api]
        host = ::1
        port = 8080
        threads = 3
        [database]
        connection = sqlite:////tmp/x.db
        [embedded]
        cleaning_time = 5
        minutes_before_end_lease = 0
        event_timeout = 7
        scheduler = false
        [upgrade]
        pin = 1.0
        """.replace('        ', ''),
    )
    read = config.load([path])
    assert Settings.of(read) == Settings(
        cleaning_time=5, minutes_before_end_lease=0, event_timeout=7, pin='1.0'
    )
    assert (read.debug, read.api.host, read.api.port, read.api.threads) == (True, '::1', 8080, 3)
    assert read.database.connection == 'sqlite:////tmp/x.db'
    assert read.embedded.scheduler is False


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """A container sets single options without a file of its own."""
    monkeypatch.setenv('OS_API__PORT', '9999')
    assert config.load([_file(tmp_path, '[api]\nport = 1')]).api.port == 9999


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        ('[embedded]\ncleaning_time = soon', 'cleaning_time'),
        ('[embedded]\nevent_timeout = 0', 'event_timeout'),
        ('[api]\nthreads = 0', 'threads'),
        ('[api]\nport = 65536', 'port'),
        ('no option at all', 'gateway.conf'),
    ],
)
def test_a_wrong_value_is_told_at_once(tmp_path: pathlib.Path, text: str, named: str) -> None:
    """What cannot be does not wait for the first request."""
    with pytest.raises((cfg.Error, ValueError), match=named):
        config.load([_file(tmp_path, text)])


def test_a_file_that_is_not_there() -> None:
    """The error names the file."""
    with pytest.raises(cfg.ConfigFilesNotFoundError, match=r'nowhere\.conf'):
        config.load(['nowhere.conf'])


def test_two_configurations_in_one_process(tmp_path: pathlib.Path) -> None:
    """Nothing is global."""
    one = config.load([_file(tmp_path, '[api]\nport = 1')])
    other = config.load()
    assert (one.api.port, other.api.port) == (1, 1234)
    assert 'embedded' not in cfg.CONF


def test_every_option_has_help() -> None:
    """An operator reads what an option does, with its unit, in the sample file."""
    for group, options in config.list_opts():
        for option in options:
            assert option.help, f'[{group}] {option.name}'
            assert option.help.endswith('.')
