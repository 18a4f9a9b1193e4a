"""Microversions as numbers, their history, releases, and what a user may pin."""

import re

import pytest

from blazarclient import exception
from blazarclient.versions import HISTORY, NEWEST, OLDEST, RELEASES, Pin, Version, common, pin_from


def test_versions_are_ordered_as_numbers() -> None:
    """1.9 comes before 1.10, whatever texts say."""
    assert Version.parse('1.9') < Version.parse('1.10') < Version.parse('2.0')
    assert str(Version.parse('1.10')) == '1.10'
    assert Version.parse('1.2') == (1, 2)


@pytest.mark.parametrize(
    'text', ['', '1', '1.', '.1', '1.0.0', 'v1.0', ' 1.0', '1.0\n', '-1.0', '1.٣', '1.00000', 'x']
)
def test_what_is_no_microversion(text: str) -> None:
    """Anything but two numbers is refused, and named."""
    with pytest.raises(exception.UnsupportedVersion, match='is not a microversion') as raised:
        Version.parse(text)
    assert repr(text) in str(raised.value)


def test_history_goes_up_from_1_0() -> None:
    """Each microversion says in one line what it changed; the first and last are ours."""
    numbers = [Version.parse(text) for text in HISTORY]
    assert numbers == sorted(set(numbers))
    assert (numbers[0], numbers[-1]) == (OLDEST, NEWEST)
    assert Version(1, 0) == OLDEST
    assert all(line.endswith('.') and '\n' not in line for line in HISTORY.values())


def test_releases_have_a_name_and_a_number() -> None:
    """From Ussuri's predecessor on, two each year; from 2023 on each by number as well."""
    names = [key for key in RELEASES if key.isalpha()]
    numbers = [key for key in RELEASES if not key.isalpha()]
    # OpenStack names its releases by the alphabet, and began anew after Zed.
    initials = [name[0] for name in names]
    assert initials == [*'tuvwxyz', *'abcdefg'][: len(initials)]
    assert numbers == sorted(numbers)
    assert all(re.fullmatch(r'20[2-9][0-9]\.[12]', number) for number in numbers)
    assert numbers[0] == '2023.1'
    assert set(RELEASES.values()) <= set(HISTORY)
    for release in (*names, *numbers):
        assert pin_from(release, 'here') == Pin(Version.parse(RELEASES[release]), 'here')


@pytest.mark.parametrize('value', [None, '', ' ', 1, '1', '1a0', 'latest', 'LATEST', ' Latest '])
def test_values_that_negotiate(value: str | int | None) -> None:
    """A bare major, latest and nothing ask for the best version in common."""
    assert pin_from(value, 'here') is None


@pytest.mark.parametrize('value', ['1.0', 1.0, ' 1.0 ', 'Gazpacho', '2026.1', 'train', 'ZED'])
def test_values_that_pin(value: str | float) -> None:
    """A number or a release is a pin, in any case, and knows where it came from."""
    assert pin_from(value, 'OS_X') == Pin(Version(1, 0), 'OS_X')


@pytest.mark.parametrize(
    'value', ['2', 2, 'v1', '1.0.0', 'stein', 'newest', '2022.1', '1,0', '2027.1', '-1', 'none']
)
def test_values_that_mean_nothing(value: str | int) -> None:
    """The error names the place, the value, and everything that would be right."""
    with pytest.raises(exception.UnsupportedVersion) as raised:
        pin_from(value, '--os-reservation-api-version')
    text = str(raised.value)
    assert text.startswith('--os-reservation-api-version: ')
    for word in (repr(str(value)), '1 or latest', f'from {OLDEST} to {NEWEST}', '2026.1'):
        assert word in text


@pytest.mark.parametrize('value', ['0.9', '1.99', '2.0', 9.9])
def test_versions_that_this_client_does_not_speak(value: str | float) -> None:
    """They are refused before any request, and the error names the place."""
    with pytest.raises(exception.UnsupportedVersion, match=r'clouds.yaml: .* does not speak') as r:
        pin_from(value, 'clouds.yaml')
    assert str(value) in str(r.value)


@pytest.mark.parametrize(
    ('server', 'ours', 'best'),
    [
        (('1.0', '1.0'), ('1.0', '1.3'), '1.0'),
        (('1.0', '1.9'), ('1.0', '1.3'), '1.3'),
        (('1.2', '1.10'), ('1.0', '1.9'), '1.9'),
        (('1.2', '1.3'), ('1.0', '1.1'), None),
        (('1.0', '1.1'), ('1.2', '1.3'), None),
        (('2.0', '2.5'), ('1.0', '1.3'), None),
    ],
)
def test_best_version_in_common(
    server: tuple[str, str], ours: tuple[str, str], best: str | None
) -> None:
    """The highest that both speak, or none."""
    low, high = map(Version.parse, ours)
    found = common((Version.parse(server[0]), Version.parse(server[1])), newest=high, oldest=low)
    assert found == (Version.parse(best) if best else None)
