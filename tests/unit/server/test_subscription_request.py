"""What a request may say of a subscription."""

from datetime import datetime
from typing import Any

import pytest

from blazarclient.server import errors
from blazarclient.server.objects import replay_request, subscription_request

NOW = datetime(2030, 1, 7, 8, 0)  # noqa: DTZ001
ENDPOINT = {'url': 'https://ci.example/hook'}


def read(microversion: str = '1.2', **values: Any) -> dict[str, Any]:
    return subscription_request.read_new({'notify_endpoint': ENDPOINT, **values}, microversion, NOW)


def test_defaults() -> None:
    """Without a word every notification of the project's leases is sent in full."""
    assert read('1.1') == {
        'name': None,
        'notify_endpoint': ENDPOINT,
        'url': 'https://ci.example/hook',
        'endpoint': 'ci.example:443',
        'scope': 'project',
        'types': ['lease.*'],
        'lease_ids': [],
        'resource_types': [],
        'before_end': [],
        'payload': 'full',
        'payload_version': '1.1',
        'verify': 'auto',
        'expires_at': None,
        'enabled': True,
    }


@pytest.mark.parametrize(
    ('name', 'value', 'kept'),
    [
        ('name', 'x' * 255, 'x' * 255),
        ('name', None, None),
        ('types', ['lease.started', 'lease.create', 'lease.started'], None),
        ('types', ['*'], ['*']),
        ('lease_ids', ['a', 'b', 'a'], ['a', 'b']),
        ('resource_types', ['physical:host'], ['physical:host']),
        ('before_end', ['P1D', 'PT1H', 'PT10M'], ['P1D', 'PT1H', 'PT10M']),
        ('before_end', ['P366D'], ['P366D']),
        ('payload_version', '1.0', '1.0'),
        ('payload_version', None, '1.2'),
        ('expires_at', '2030-01-08T10:00:00+02:00', datetime(2030, 1, 8, 8)),  # noqa: DTZ001
        ('expires_at', '2030-01-08T10:00:00Z', datetime(2030, 1, 8, 10)),  # noqa: DTZ001
    ],
)
def test_values_that_can_be(name: str, value: Any, kept: Any) -> None:
    """They are kept as they were given, each entry of a list once."""
    expected = [*dict.fromkeys(value)] if kept is None and value else kept
    assert read(**{name: value})[name] == expected


@pytest.mark.parametrize(
    ('name', 'value', 'sentence'),
    [
        ('name', 'x' * 256, 'at most 255 characters'),
        ('name', 7, 'at most 255 characters'),
        ('scope', 'everything', 'one of user, project, all'),
        ('scope', None, 'one of user, project, all'),
        ('scope', 'all', 'has to expire within 90 days'),
        ('types', [], 'it has to name a type'),
        ('types', 'lease.*', 'a list of texts'),
        ('types', ['lease.exploded'], "'lease.exploded' is no type"),
        ('types', [1], 'a list of texts'),
        ('lease_ids', [''], '1 to 36 characters'),
        ('lease_ids', ['x' * 37], '1 to 36 characters'),
        ('lease_ids', [str(each) for each in range(101)], 'has 101 entries; it may have 100'),
        ('lease_ids', None, 'a list of texts'),
        ('resource_types', [{}], 'a list of texts'),
        ('before_end', ['1h'], 'ISO 8601 duration'),
        ('before_end', ['PT0S'], 'longer than 0'),
        ('before_end', ['PT0.5S'], 'whole seconds'),
        ('before_end', ['P367D'], 'at most P366D'),
        ('before_end', ['P'], 'ISO 8601 duration'),
        ('before_end', ['-PT1H'], 'ISO 8601 duration'),
        ('before_end', [f'PT{each}H' for each in range(1, 12)], 'has 11 entries; it may have 10'),
        ('payload', 'fat', 'one of full, thin'),
        ('payload_version', '1.3', 'one of 1.0, 1.1, 1.2'),
        ('payload_version', 'latest', 'one of 1.0, 1.1, 1.2'),
        ('payload_version', 1.1, 'one of 1.0, 1.1, 1.2'),
        ('verify', 'never', 'one of auto, options, test, get'),
        ('verify', [], 'one of auto, options, test, get'),
        ('expires_at', '2030-01-07T08:00:00Z', 'later than 2030-01-07T08:00:00Z'),
        ('expires_at', '+3h', 'a time such as'),
        ('expires_at', 'now', 'a time such as'),
        ('expires_at', 1893456000, 'a time such as'),
        ('enabled', 'true', 'true or false'),
        ('enabled', None, 'true or false'),
        ('enabld', True, 'did you mean enabled?'),
        ('colour', 'red', 'known are before_end, enabled,'),
        ('status', 'active', 'status is read-only'),
        ('secret', 'whsec_x', 'secret is read-only'),
        ('project_id', 'p', 'project_id is read-only'),
    ],
)
def test_values_that_cannot_be(name: str, value: Any, sentence: str) -> None:
    """The sentence names the field, and says what would be right."""
    with pytest.raises(errors.InvalidInput) as caught:
        read(**{name: value})
    assert sentence in str(caught.value)
    assert name in str(caught.value) or 'lease.exploded' in sentence or name == 'scope'


def test_a_long_value_is_not_repeated() -> None:
    """A sentence stays one, whatever was sent."""
    with pytest.raises(errors.InvalidInput) as caught:
        read(name='x' * 100_000)
    assert len(str(caught.value)) < 200


def test_lead_times_need_1_2() -> None:
    """Before, they are refused, and not left out."""
    with pytest.raises(errors.InvalidInput, match=r'needs microversion 1\.2'):
        read('1.1', before_end=['PT1H'])


def test_a_payload_version_is_not_newer_than_the_request() -> None:
    with pytest.raises(errors.InvalidInput, match=r'one of 1\.0, 1\.1, as this request'):
        read('1.1', payload_version='1.2')


def test_an_endpoint_has_to_be_there() -> None:
    with pytest.raises(errors.InvalidInput, match='notify_endpoint is missing'):
        subscription_request.read_new({}, '1.1', NOW)


@pytest.mark.parametrize('body', [None, [], 'x', 7, {'subscription': []}])
def test_a_body_that_is_no_object(body: Any) -> None:
    with pytest.raises(errors.InvalidInput, match='JSON object'):
        subscription_request.read_new(body, '1.1', NOW)


def test_a_body_may_stand_under_its_name() -> None:
    """As in an answer."""
    wrapped = {'subscription': {'notify_endpoint': ENDPOINT}}
    assert subscription_request.read_new(wrapped, '1.2', NOW) == read()


@pytest.mark.parametrize(
    ('before', 'change'),
    [
        ({'scope': 'project', 'expires_at': None}, {'scope': 'all'}),
        ({'scope': 'all', 'expires_at': NOW}, {'expires_at': None}),
        ({'scope': 'all', 'expires_at': NOW}, {'expires_at': '2031-01-01'}),
    ],
)
def test_a_change_may_not_make_it_last(before: dict[str, Any], change: dict[str, Any]) -> None:
    """However one comes to it, a subscription to every project expires within 90 days."""
    with pytest.raises(errors.InvalidInput, match='has to expire within 90 days'):
        subscription_request.read_change(change, before, '1.1', NOW)


def test_a_change_is_only_what_it_names() -> None:
    before = {'scope': 'all', 'expires_at': NOW}
    assert subscription_request.read_change({'name': 'x'}, before, '1.1', NOW) == {'name': 'x'}


@pytest.mark.parametrize('overlap', [-1, 604_801, '1', True, 1.5, None])
def test_an_overlap_that_cannot_be(overlap: Any) -> None:
    with pytest.raises(errors.InvalidInput, match='overlap'):
        subscription_request.read_overlap({'overlap': overlap})


def test_overlaps() -> None:
    """A day, unless the request says otherwise."""
    assert subscription_request.read_overlap({}) == 86_400
    assert subscription_request.read_overlap({'overlap': 0}) == 0


@pytest.mark.parametrize(
    ('values', 'sentence'),
    [
        ({}, 'Either since'),
        ({'since': '2030-01-01', 'after': '1'}, 'Either since'),
        ({'after': 1}, 'it has to be a cursor'),
        ({'after': '1' * 21}, 'it has to be a cursor'),
        ({'after': '²'}, 'it has to be a cursor'),
        ({'since': 'yesterday'}, 'since'),
        ({'after': '1', 'until': 7}, 'until'),
        ({'after': '1', 'status': 'delivered'}, 'status'),
        ({'after': '1', 'status': ['failed']}, 'status'),
        ({'after': '1', 'types': ['x']}, "'x' is no type"),
        ({'after': '1', 'types': None}, 'types'),
        ({'after': '1', 'dry_run': 'yes'}, 'dry_run'),
        ({'after': '1', 'dryrun': True}, 'did you mean dry_run?'),
    ],
)
def test_replays_that_cannot_be(values: Any, sentence: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        replay_request.read(values)
    assert sentence in str(caught.value)


def test_a_replay() -> None:
    assert replay_request.read({'after': '0000012', 'until': '2030-01-01', 'types': ['*']}) == {
        'since': None,
        'after': 12,
        'until': datetime(2030, 1, 1),  # noqa: DTZ001
        'status': None,
        'types': ['*'],
        'dry_run': False,
    }
