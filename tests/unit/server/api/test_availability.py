"""``GET /v1/availability``: when enough hosts are free, and who learns what of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from keystoneauth1 import session, token_endpoint
from werkzeug.serving import make_server

from blazarclient.server.config import Settings
from blazarclient.server.notifications.blazar import Blazar
from tests.front_door import BEGIN, Answer, FrontDoor, Machine, wire

MACHINES = [
    Machine(1, 4, 8192, 100, {'gpu': 'True'}),
    Machine(2, 8, 16384, 200, {'gpu': 'True'}),
    Machine(3, 16, 32768, 400, {'gpu': 'False'}),
    Machine(4, 32, 65536, 800),
]
ASKED = {'duration': 'PT4H', 'latest': '2030-01-08T08:00:00Z'}


@pytest.fixture(scope='module')
def door() -> Iterator[FrontDoor]:
    """Four hosts; of the first two one is held from 10 to 12, the other one from 14 to 20."""
    made = FrontDoor()
    made.surround(MACHINES)
    for machine in MACHINES:
        assert made.add_host(machine).status == 201
    hold(made, 'compute-1', 10, 12)
    hold(made, 'compute-2', 14, 20)
    yield made
    made.close()


def hold(door: FrontDoor, host: str, begin: int, end: int) -> None:
    """Let a lease hold a host, by the hours of the day."""
    midnight = BEGIN.replace(hour=0)
    body = {
        'name': f'{host}-{begin}',
        'start_date': wire(midnight + timedelta(hours=begin)),
        'end_date': wire(midnight + timedelta(hours=end)),
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': f'["==", "$hypervisor_hostname", "{host}"]',
                'resource_properties': '',
            }
        ],
    }
    assert door.call('admin', 'POST', '/leases', body).status == 201


def ask(door: FrontDoor, user: str = 'alice', version: str = '1.2', **asked: Any) -> Answer:
    query = urlencode({**ASKED, **asked})
    return door.call(user, 'GET', f'/availability?{query}', microversion=version)


def windows(answer: Answer) -> list[tuple[str, str, int, int]]:
    """From and to, by the clock of the first day, with both counts."""
    assert answer.status == 200, answer.body
    return [
        (each['start'][8:16], each['end'][8:16], each['available'], each['total'])
        for each in answer.body['availability']
    ]


def test_windows(door: FrontDoor) -> None:
    """Each window is as long as that many hosts are free together, and none lies within another."""
    assert windows(ask(door)) == [('07T08:00', '08T08:00', 2, 4)]
    assert windows(ask(door, min=3)) == [
        ('07T08:00', '07T14:00', 3, 4),
        ('07T12:00', '08T08:00', 3, 4),
    ]
    assert windows(ask(door, min=4)) == [('07T20:00', '08T08:00', 4, 4)]
    assert windows(ask(door, min=4, duration='PT2H')) == [
        ('07T08:00', '07T10:00', 4, 4),
        ('07T12:00', '07T14:00', 4, 4),
        ('07T20:00', '08T08:00', 4, 4),
    ]
    assert windows(ask(door, min=4, duration='2h', limit=2)) == [
        ('07T08:00', '07T10:00', 4, 4),
        ('07T12:00', '07T14:00', 4, 4),
    ]
    assert windows(ask(door, min=5)) == []
    assert windows(ask(door, min=4, duration='P1D')) == []


def test_filters(door: FrontDoor) -> None:
    """Only hosts that match are counted."""
    gpu = '["==", "$gpu", "True"]'
    assert windows(ask(door, resource_properties=gpu, min=2, max=2)) == [
        ('07T20:00', '08T08:00', 2, 2)
    ]
    large = '["and", [">=", "$vcpus", "16"], [">", "$memory_mb", "40000"]]'
    assert windows(ask(door, hypervisor_properties=large)) == [('07T08:00', '08T08:00', 1, 1)]
    assert windows(ask(door, hypervisor_properties='[">", "$vcpus", "99"]')) == []


def test_where_it_is_looked(door: FrontDoor) -> None:
    """From now on for thirty days, or as it is said, in whole minutes and never in the past."""
    found = door.call('alice', 'GET', '/availability?duration=PT1H', microversion='1.2')
    assert found.body == {
        'availability': [
            {
                'start': '2030-01-07T08:00:00Z',
                'end': '2030-02-06T08:00:00Z',
                'available': 2,
                'total': 4,
            }
        ]
    }
    past = ask(door, earliest='2029-01-01T00:00:00Z', latest='2030-01-07T13:00:00Z')
    assert windows(past) == [('07T08:00', '07T13:00', 3, 4)]
    between = ask(door, earliest='2030-01-07T20:00:01Z', latest='2030-01-08T03:59:59Z')
    assert windows(between) == [('07T20:01', '08T03:59', 4, 4)]
    zoned = ask(door, earliest='2030-01-07T22:00:00+01:00', duration='1h')
    assert windows(zoned) == [('07T21:00', '08T08:00', 4, 4)]
    assert windows(ask(door, latest='2030-01-07T11:00:00Z')) == []


def test_a_lease_has_room_in_each_window(door: FrontDoor) -> None:
    """What is told to be free can be reserved from its start to its end."""
    (start, end, available, _), *_ = windows(ask(door, min=3))
    body = {
        'name': 'mine',
        'start_date': f'2030-01-{start.replace("T", " ")}',
        'end_date': f'2030-01-{end.replace("T", " ")}',
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': available,
                'max': available,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
    }
    made = door.call('alice', 'POST', '/leases', body)
    assert made.status == 201
    assert windows(ask(door, min=3)) == [('07T14:00', '08T08:00', 3, 4)]
    assert door.call('alice', 'DELETE', f'/leases/{made.body["lease"]["id"]}').status == 204


def test_cleaning() -> None:
    """A host that is cleaned between two leases is not free meanwhile."""
    door = FrontDoor(settings=Settings(cleaning_time=30))
    door.surround(MACHINES[:1])
    door.add_host(MACHINES[0])
    hold(door, 'compute-1', 10, 12)
    assert windows(ask(door, duration='PT1H')) == [
        ('07T08:00', '07T09:30', 1, 1),
        ('07T12:30', '08T08:00', 1, 1),
    ]
    door.close()


@pytest.mark.parametrize('user', ['alice', 'bob', 'rita', 'max', 'admin'])
def test_who_learns_names(door: FrontDoor, user: str) -> None:
    """Everybody is told counts; names only who may list hosts."""
    found = ask(door, user, min=3).body['availability']
    assert [each['available'] for each in found] == [3, 3]
    shown = [each.get('hosts') for each in found]
    if user == 'admin':
        assert shown == [
            ['compute-2', 'compute-3', 'compute-4'],
            ['compute-1', 'compute-3', 'compute-4'],
        ]
    else:
        assert shown == [None, None]
        assert 'compute' not in str(found)


def test_names_cannot_be_guessed_letter_by_letter(door: FrontDoor) -> None:
    """Who may not list hosts can ask for a name that is known, and for nothing between two."""
    known = '["==", "$hypervisor_hostname", "compute-4"]'
    assert windows(ask(door, hypervisor_properties=known)) == [('07T08:00', '08T08:00', 1, 1)]
    between = '[">=", "$hypervisor_hostname", "compute-4"]'
    assert ask(door, hypervisor_properties=between).status == 400
    assert windows(ask(door, 'admin', hypervisor_properties=between)) == [
        ('07T08:00', '08T08:00', 1, 1)
    ]
    for user in ('alice', 'admin'):
        refused = ask(door, user, hypervisor_properties='[">=", "$trust_id", "0"]')
        assert refused.status == 400


@pytest.mark.parametrize(
    ('asked', 'word'),
    [
        ({'duration': ''}, 'duration'),
        ({'duration': 'soon'}, 'duration'),
        ({'duration': 'PT0S'}, 'minute'),
        ({'duration': 'PT59S'}, 'minute'),
        ({'duration': 'P99999D'}, '3660'),
        ({'duration': '-PT1H'}, 'duration'),
        ({'min': '0'}, 'min'),
        ({'min': 'two'}, 'min'),
        ({'min': '3', 'max': '2'}, 'max'),
        ({'limit': '0'}, 'limit'),
        ({'limit': '101'}, 'limit'),
        ({'resource_type': 'virtual:instance'}, 'physical:host'),
        ({'earliest': 'tomorrow'}, 'earliest'),
        ({'earliest': '2031-01-01T00:00:00Z'}, 'latest'),
        ({'earliest': '9999-12-31T23:59:59Z', 'latest': ''}, 'earliest'),
        ({'latest': '2029-01-01T00:00:00Z'}, 'latest'),
        ({'hypervisor_properties': 'vcpus > 4'}, 'requirements'),
        ({'hypervisor_properties': '4'}, 'requirements'),
        ({'hypervisor_properties': '["~", "$vcpus", "4"]'}, 'requirements'),
        ({'resource_properties': '["==", "$colour", "red"]'}, 'colour'),
        ({'resource_properties': '[' * 5000}, 'requirements'),
    ],
)
def test_bad_input(door: FrontDoor, asked: dict[str, str], word: str) -> None:
    """What cannot be asked is refused with a sentence that names it."""
    refused = ask(door, **asked)
    assert (refused.status, refused.body['errors'][0]['status']) == (400, 400)
    assert word in refused.sentence


@pytest.mark.parametrize('version', ['1.0', '1.1'])
def test_before_1_2(door: FrontDoor, version: str) -> None:
    """Before microversion 1.2 there is no such URL."""
    assert ask(door, version=version).status == 404


def test_in_front_of_a_blazar(door: FrontDoor) -> None:
    """Of the hosts of a Blazar the same is told, asked for with the service's credentials."""
    server = make_server('127.0.0.1', 0, door.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f'http://127.0.0.1:{server.server_port}'
    blazar = Blazar(session.Session(token_endpoint.Token(url, 'admin')), url)
    front = FrontDoor(inventory=lambda: blazar)
    for user in ('alice', 'admin'):
        for asked in (
            {'min': 1},
            {'min': 3},
            {'min': 4, 'duration': '2h'},
            {'resource_properties': '["==", "$gpu", "True"]'},
            {'resource_properties': '["==", "$colour", "red"]'},
            {'hypervisor_properties': '[">=", "$vcpus", "16"]'},
            {'hypervisor_properties': '["==", "$hypervisor_hostname", "compute-2"]'},
        ):
            theirs, ours = ask(front, user, **asked), ask(door, user, **asked)
            assert (theirs.status, theirs.sentence) == (ours.status, ours.sentence)
            assert theirs.body.get('availability') == ours.body.get('availability')
    server.shutdown()
    thread.join()
    server.server_close()
    silent = ask(front)
    assert silent.status == 502
    assert '127.0.0.1' not in silent.sentence
    front.close()
