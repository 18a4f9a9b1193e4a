"""``lease set`` and ``lease update``: what is sent, what is refused, and waiting."""

import re
from typing import Any

import pytest

from tests.answers import Answer, Request
from tests.conftest import Runner
from tests.identity import USERS
from tests.recorded import ALICE, RecordedBlazar

FLAVOR = {'id': 'f', 'resource_type': 'flavor:instance', 'amount': 1}
HOSTS = {'id': 'h', 'resource_type': 'physical:host', 'min': 1, 'max': 2}


@pytest.fixture
def lease(server: RecordedBlazar) -> dict[str, Any]:
    """A lease of alice's from 10 to 12 o'clock, which the service changes when asked to."""
    return _held(server, reservations=[HOSTS])


def _held(server: RecordedBlazar, **values: Any) -> dict[str, Any]:
    [lease] = server.leases(
        1,
        **{
            'name': 'gpu',
            'project_id': ALICE.project_id,
            'start_date': '2097-01-01T10:00:00.000000',
            'end_date': '2097-01-01T12:00:00.000000',
            'status': 'PENDING',
            'events': [],
            **values,
        },
    )
    server.hold([lease])
    server.on(
        'PUT',
        f'/v1/leases/{lease["id"]}',
        lambda _: Answer(body={'lease': {**lease, 'status': 'UPDATING'}}),
    )
    return lease


def _body(server: RecordedBlazar) -> Any:
    [request] = server.sent('PUT')
    return request.json


@pytest.mark.parametrize(
    ('options', 'body'),
    [
        (['--name', 'new'], {'name': 'new'}),
        (['--prolong-for', '1h'], {'end_date': '2097-01-01 13:00'}),
        (['--prolong_for', '1d'], {'end_date': '2097-01-02 12:00'}),
        (['--prolong-for', 'P1DT2H'], {'end_date': '2097-01-02 14:00'}),
        (['--reduce-by', '30m'], {'end_date': '2097-01-01 11:30'}),
        (['--end-date', '2097-02-01 10:00'], {'end_date': '2097-02-01 10:00'}),
        (['--end-date', '2097-02-01T10:00+02:00'], {'end_date': '2097-02-01 08:00'}),
        (['--defer-by', '1h'], {'start_date': '2097-01-01 11:00'}),
        (['--advance-by', '2d'], {'start_date': '2096-12-30 10:00'}),
        (['--start-date', '2097-01-01 11:30'], {'start_date': '2097-01-01 11:30'}),
        (
            ['--defer-by', '3h', '--prolong-for', '4h', '--name', 'new'],
            {'start_date': '2097-01-01 13:00', 'end_date': '2097-01-01 16:00', 'name': 'new'},
        ),
        (
            ['--reservation', 'id=h,min=2,max=3', '--reservation', 'id=i,amount=4'],
            {'reservations': [{'id': 'h', 'min': 2, 'max': 3}, {'id': 'i', 'amount': 4}]},
        ),
    ],
)
def test_what_is_sent(
    server: RecordedBlazar,
    lease: dict[str, Any],
    blazar: Runner,
    options: list[str],
    body: dict[str, Any],
) -> None:
    """Only what changes is sent, after one look at the lease."""
    ran = blazar('lease', 'set', 'gpu', *options, cloud='alice').check()
    assert (ran.stdout, ran.stderr) == ('Updated lease: gpu\n', '')
    assert _body(server) == body
    assert server.calls('reservation') == ['GET /v1/leases', f'PUT /v1/leases/{lease["id"]}']


def test_spellings(server: RecordedBlazar, lease: dict[str, Any], openstack: Runner) -> None:
    """``update`` is the same, as the documentation of Blazar has it."""
    ran = openstack('reservation', 'lease', 'update', '--name', 'new', 'gpu').check()
    assert (ran.stdout, ran.stderr) == ('Updated lease: gpu\n', '')


def test_hyphenated(server: RecordedBlazar, lease: dict[str, Any], blazar: Runner) -> None:
    """``blazar lease-update`` is the same."""
    assert blazar('lease-update', '--name', 'new', 'gpu').check().stdout == 'Updated lease: gpu\n'


def test_requests_with_an_id(server: RecordedBlazar, lease: dict[str, Any], blazar: Runner) -> None:
    """A new name needs one request; a date needs to know the lease."""
    path = f'/v1/leases/{lease["id"]}'
    blazar('lease', 'set', lease['id'], '--name', 'x', cloud='alice-endpoint').check()
    assert server.calls() == [f'PUT {path}']
    server.forget()
    blazar('lease', 'set', lease['id'], '--prolong-for', '1h', cloud='alice-endpoint').check()
    assert server.calls() == [f'GET {path}', f'PUT {path}']


def test_nothing_to_change(server: RecordedBlazar, blazar: Runner) -> None:
    """Defect of 4.6.0: without an option it said "Updated"; here it says what there is."""
    ran = blazar('lease', 'set', 'gpu')
    assert (ran.code, ran.stdout) == (1, '')
    assert "There is nothing to change on lease 'gpu'" in ran.stderr
    assert '--prolong-for' in ran.stderr
    assert not server.calls()


@pytest.mark.parametrize(
    ('options', 'sentence'),
    [
        (['--prolong-for', '1x'], "--prolong-for: '1x' is not a duration"),
        (['--reduce-by', '-1h'], "--reduce-by: '-1h' is not a duration"),
        (['--end-date', 'tomorrow'], "--end-date: 'tomorrow' is not a time"),
        (['--start-date', '2097-13-01'], 'there is no month 13'),
        (['--reservation', 'min=1'], 'id= is missing'),
        (['--reservation', 'id=x,mn=1'], "'mn' is not a key"),
        (['--name', 'x', '--wait-timeout', 'x'], "--wait-timeout: 'x' is not a duration"),
        (['--name', 'x', '--wait-timeout', '1m'], 'does nothing without --wait'),
    ],
)
def test_refused_before_any_request(
    server: RecordedBlazar, blazar: Runner, options: list[str], sentence: str
) -> None:
    """Values that cannot be read are refused at once, with the option and the value."""
    if options[1].startswith('-'):
        options = ['='.join(options)]
    ran = blazar('lease', 'set', 'gpu', *options)
    assert (ran.code, ran.stdout) == (1, '')
    assert sentence in ran.stderr
    assert not server.calls()


@pytest.mark.parametrize(
    'options',
    [
        ['--prolong-for', '1h', '--reduce-by', '1h'],
        ['--prolong-for', '1h', '--prolong_for', '1h'],
        ['--end-date', 'now', '--reduce-by', '1h'],
        ['--defer-by', '1h', '--advance-by', '1h'],
        ['--defer-by', '1h', '--start-date', 'now'],
    ],
)
def test_exclusive_options(server: RecordedBlazar, blazar: Runner, options: list[str]) -> None:
    """Two ways to change one date are a usage error."""
    ran = blazar('lease', 'set', 'gpu', *options)
    assert ran.code == 2
    assert 'not allowed with argument' in ran.stderr
    assert not server.calls()


@pytest.mark.parametrize(
    ('options', 'sentence'),
    [
        (
            ['--reduce-by', '2h'],
            'would end (2097-01-01 10:00 UTC) before it starts (2097-01-01 10:00 UTC). It is from',
        ),
        (['--start-date', '2098-01-01'], 'before it starts (2098-01-01 00:00 UTC)'),
        (['--prolong-for', '999999w'], 'outside the calendar'),
    ],
)
def test_impossible_dates(
    server: RecordedBlazar,
    lease: dict[str, Any],
    blazar: Runner,
    options: list[str],
    sentence: str,
) -> None:
    """A lease cannot end before it starts; nothing is sent, and its dates are told."""
    ran = blazar('lease', 'set', 'gpu', *options)
    assert ran.code == 1
    assert sentence in ran.stderr
    assert not server.sent('PUT')


def test_flavor_instance(server: RecordedBlazar, blazar: Runner) -> None:
    """Blazar 18.0.0 would put such a lease into ERROR: refused unless forced."""
    _held(server, reservations=[HOSTS, FLAVOR])
    for options in (['--prolong-for', '1h'], ['--reservation', 'id=f,amount=2']):
        ran = blazar('lease', 'set', 'gpu', *options)
        assert ran.code == 1
        assert 'would put it into ERROR' in ran.stderr
        assert '--force' in ran.stderr
    assert not server.sent('PUT')
    blazar('lease', 'set', 'gpu', '--name', 'x').check()
    blazar('lease', 'set', 'gpu', '--prolong-for', '1h', '--force').check()
    assert [request.json for request in server.sent('PUT')] == [
        {'name': 'x'},
        {'end_date': '2097-01-01 13:00'},
    ]


def test_name_of_another_project(server: RecordedBlazar, blazar: Runner) -> None:
    """An administrator changes a lease of another project only by its ID."""
    lease = _held(server, project_id=USERS['bob'].project_id)
    ran = blazar('lease', 'set', 'gpu', '--name', 'x', cloud='admin')
    assert ran.code == 1
    assert USERS['bob'].project_id in ran.stderr
    assert lease['id'] in ran.stderr
    assert not server.sent('PUT')
    blazar('lease', 'set', lease['id'], '--prolong-for', '1h', cloud='admin').check()


@pytest.mark.parametrize(('end', 'code'), [('PENDING', 0), ('ERROR', 1)])
def test_wait(server: RecordedBlazar, blazar: Runner, end: str, code: int) -> None:
    """--wait returns when the change is made, and fails when it led to ERROR."""
    lease = _held(server, reservations=[HOSTS])
    states = iter(['UPDATING', end])

    def show(_: Request) -> Answer:
        return Answer(body={'lease': {**lease, 'status': next(states)}})

    server.on('GET', re.compile('/v1/leases/.+'), show)
    ran = blazar('lease', 'set', 'gpu', '--prolong-for', '1h', '--wait')
    assert ran.code == code
    assert ran.stdout == ('' if code else 'Updated lease: gpu\n')
    assert ('is in ERROR after the change' in ran.stderr) == bool(code)
