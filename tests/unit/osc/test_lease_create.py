"""``lease create``: what is sent, what is refused before, and waiting."""

import datetime
import re
from typing import Any

import pytest

from tests.answers import Answer, Request
from tests.conftest import Runner
from tests.recorded import RecordedBlazar

HOSTS = ('--reservation', 'resource_type=physical:host,min=1,max=1')


@pytest.fixture
def made(server: RecordedBlazar) -> list[dict[str, Any]]:
    """The bodies that were posted; the service answers with a lease made of each."""
    bodies: list[dict[str, Any]] = []

    def make(request: Request) -> Answer:
        bodies.append(request.json)
        [lease] = server.leases(
            1, id=request.json['id'], name=request.json['name'], status='PENDING', updated_at=None
        )
        return Answer(status=201, body={'lease': lease})

    server.on('POST', '/v1/leases', make)
    return bodies


def test_what_is_sent(made: list[dict[str, Any]], openstack: Runner) -> None:
    """The body is that of python-blazarclient 4, and an ID of the client's own."""
    ran = openstack(
        *('reservation', 'lease', 'create', 'gpu week'),
        *('--start-date', '2097-01-01 10:00', '--end-date', '2097-01-02 10:00'),
        *('--before-end-date', '2097-01-02 09:00', *HOSTS),
        *('--event', 'event_type=notification,event_date=2097-01-01 12:00', '-f', 'json'),
    )
    [body] = made
    assert re.fullmatch(r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-.{17}', body.pop('id'))
    assert body == {
        'name': 'gpu week',
        'start_date': '2097-01-01 10:00',
        'end_date': '2097-01-02 10:00',
        'before_end_date': '2097-01-02 09:00',
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
        'events': [{'event_type': 'notification', 'event_date': '2097-01-01 12:00'}],
    }
    assert ran.json['status'] == 'PENDING'


def test_result_alone_on_stdout(made: list[dict[str, Any]], blazar: Runner) -> None:
    """Defect of 4.6.0: "Created a new lease:" stood before the JSON; here it is on stderr."""
    for words in (['lease', 'create'], ['lease-create']):
        ran = blazar(*words, 'a', *HOSTS, '-f', 'json')
        assert ran.json['name'] == 'a'
        assert ran.stderr == f'Created a new lease: {ran.json["id"]}\n'


def test_json_of_both_spellings(made: list[dict[str, Any]], blazar: Runner) -> None:
    """Defect of 4.6.0: nested values were texts in JSON; `blazar lease-create` keeps that."""
    real = blazar('lease', 'create', 'a', *HOSTS, '-f', 'json').json
    assert isinstance(real['reservations'], list)
    assert real['updated_at'] is None
    old = blazar('lease-create', 'a', *HOSTS, '-f', 'json').json
    assert old['reservations'].startswith('{\n    "id": ')
    assert old['updated_at'] == ''


def test_dates_without_options(made: list[dict[str, Any]], blazar: Runner) -> None:
    """Defect of 4.6.0: the default end was fixed at import; it is 24 hours after the start."""
    minute = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0)
    blazar('lease', 'create', 'a', *HOSTS).check()
    blazar('lease', 'create', 'a', *HOSTS, '--start-date', '2097-03-01').check()
    first, second = made
    assert first['start_date'] == 'now'
    end = datetime.datetime.fromisoformat(f'{first["end_date"]}+00:00')
    # The minute may turn between here and there.
    assert end - minute - datetime.timedelta(days=1) <= datetime.timedelta(minutes=1)
    assert end - minute >= datetime.timedelta(days=1)
    assert (second['start_date'], second['end_date']) == ('2097-03-01 00:00', '2097-03-02 00:00')
    assert 'before_end_date' not in first


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        (
            'resource_type=other:thing,amount=2,label=x',
            {'resource_type': 'other:thing', 'amount': 2, 'label': 'x'},
        ),
        # Defect of 4.6.0: a type was found anywhere in the text.
        (
            'resource_type=my-physical:host,min=1',
            {'resource_type': 'my-physical:host', 'min': 1},
        ),
        # Defect of 4.6.0: commas inside JSON broke the reading.
        (
            'resource_type=virtual:floatingip,network_id=n,required_floatingips=["1.2.3.4","1.2.3.5"]',
            {
                'resource_type': 'virtual:floatingip',
                'network_id': 'n',
                'required_floatingips': ['1.2.3.4', '1.2.3.5'],
                'amount': 1,
            },
        ),
        (
            'resource_type=physical:host,min=1,hypervisor_properties=["and",["=","$a","b"],["=","c"]]',
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': '',
                'hypervisor_properties': '["and",["=","$a","b"],["=","c"]]',
                'resource_properties': '',
            },
        ),
    ],
)
def test_reservations(
    made: list[dict[str, Any]], blazar: Runner, given: str, expected: dict[str, Any]
) -> None:
    """Reservations of every type arrive as they were meant."""
    blazar('lease', 'create', 'a', '--reservation', given).check()
    assert made[0]['reservations'] == [expected]


def test_physical_reservation(made: list[dict[str, Any]], blazar: Runner) -> None:
    """The old option for hosts is still there, and its reservations come first."""
    blazar('lease-create', 'a', *HOSTS, '--physical-reservation', 'min=2,max=3').check()
    assert [reservation['max'] for reservation in made[0]['reservations']] == [3, 1]


@pytest.mark.parametrize(
    ('options', 'sentence'),
    [
        ([], "The lease 'a' would reserve nothing: give at least one --reservation"),
        # Defect of 4.6.0: a misspelt key was swallowed into the value before it.
        (
            ['--reservation', 'resource_type=physical:host,min=1,mx=1'],
            "'mx' is not a key of physical:host; did you mean max=1?",
        ),
        # Defect of 4.6.0: every error in a date was "The lease parameters are incorrect."
        ([*HOSTS, '--end-date', 'tomorrow'], "--end-date: 'tomorrow' is not a time"),
        ([*HOSTS, '--start-date', '25:00'], "--start-date: '25:00' is not a time"),
        ([*HOSTS, '--before-end-date', 'x'], "--before-end-date: 'x' is not a time"),
        ([*HOSTS, '--event', 'event_type=x'], "--event 'event_type=x': event_date= is missing"),
        (
            [*HOSTS, '--start-date', '2097-01-02 10:00', '--end-date', '2097-01-02 10:00'],
            "'2097-01-02 10:00' (2097-01-02 10:00 UTC) is not after the start of the lease,",
        ),
        (
            [*HOSTS, '--start-date', '2097-01-02', '--before-end-date', '2097-01-01'],
            '(2097-01-01 00:00 UTC) is not between the start (2097-01-02 00:00 UTC) and the end',
        ),
        ([*HOSTS, '--wait-timeout', '10'], "--wait-timeout: '10' is not a duration"),
        ([*HOSTS, '--wait-timeout', '10m'], '--wait-timeout 10m does nothing without --wait'),
        (
            [*HOSTS, '--start-date', '2097-01-02', '--wait'],
            '--wait-timeout 10m ends before the lease starts (2097-01-02 00:00 UTC)',
        ),
    ],
)
def test_refused_before_any_request(
    server: RecordedBlazar, blazar: Runner, options: list[str], sentence: str
) -> None:
    """What cannot be right is refused with the option, the value and what would be right."""
    ran = blazar('lease', 'create', 'a', *options)
    assert (ran.code, ran.stdout) == (1, '')
    assert sentence in ran.stderr
    assert not server.calls()


def test_timeout_that_would_do(server: RecordedBlazar, blazar: Runner) -> None:
    """The timeout that the refusal names is long enough."""
    ran = blazar('lease', 'create', 'a', *HOSTS, '--start-date', '+2h', '--wait')
    found = re.search(r'give --wait-timeout (\S+), or leave out --wait', ran.stderr)
    assert found
    assert found[1] in ('2h1m', '2h2m')
    assert not server.calls()


def test_reader(server: RecordedBlazar, blazar: Runner) -> None:
    """Who may only read is told so in a clear sentence."""
    server.play('lease-create-rita-403')
    ran = blazar('lease', 'create', 'x', *HOSTS, cloud='rita')
    assert (ran.code, ran.stdout) == (1, '')
    assert "Policy doesn't allow blazar:leases:post to be performed." in ran.stderr
    assert 'Your roles in this project do not permit this' in ran.stderr


def test_wait(server: RecordedBlazar, made: list[dict[str, Any]], blazar: Runner) -> None:
    """--wait shows the lease as it is in the end, and on the way each change of its status."""
    states = iter(['STARTING', 'STARTING', 'ACTIVE'])

    def show(request: Request) -> Answer:
        [lease] = server.leases(
            1, id=request.path.rpartition('/')[2], name='a', status=next(states), events=[]
        )
        return Answer(body={'lease': lease})

    server.on('GET', re.compile('/v1/leases/.+'), show)
    ran = blazar('lease', 'create', 'a', *HOSTS, '--wait', '-f', 'json')
    assert ran.json['status'] == 'ACTIVE'
    created, *lines = ran.stderr.splitlines()
    assert created == f'Created a new lease: {ran.json["id"]}'
    assert [line.split()[:2] for line in lines] == [['a', 'STARTING'], ['a', 'ACTIVE']]
    assert re.fullmatch(r'a  ACTIVE  00:\d\d', lines[-1])


def test_wait_for_what_fails(
    server: RecordedBlazar, made: list[dict[str, Any]], blazar: Runner
) -> None:
    """A lease in ERROR ends the waiting at once, with exit code 1 and its ID on stderr."""
    server.on(
        'GET',
        re.compile('/v1/leases/.+'),
        lambda request: Answer(
            body={'lease': server.leases(1, id=made[0]['id'], name='a', status='ERROR')[0]}
        ),
    )
    ran = blazar('lease', 'create', 'a', *HOSTS, '--wait', '-f', 'json')
    assert (ran.code, ran.stdout) == (1, '')
    assert f'Created a new lease: {made[0]["id"]}' in ran.stderr
    assert 'ERROR' in ran.stderr.splitlines()[-1]
