"""``lease show``: fields, formats, and which lease is meant."""

import json

import pytest

from tests.conftest import Runner
from tests.recorded import RecordedBlazar

ID = '3740febe-ed91-4ea8-9a65-a2721db1c611'


def test_every_key_in_order(server: RecordedBlazar, openstack: Runner) -> None:
    """JSON holds what the service sent: real lists, real nulls, keys in alphabetical order."""
    sent = server.recorded('lease-show-physical').json['lease']
    ran = openstack('reservation', 'lease', 'show', ID, '-f', 'json')
    assert ran.json == sent
    assert list(ran.json) == sorted(sent)
    assert ran.stderr == ''


def test_nested_values_as_text(server: RecordedBlazar, blazar: Runner) -> None:
    """Tables and `-f value` show nested values as indented JSON."""
    sent = server.recorded('lease-show-physical').json['lease']
    [reservation] = sent['reservations']
    ran = blazar('lease', 'show', ID, '-f', 'value', '-c', 'reservations').check()
    assert ran.stdout == json.dumps(reservation, indent=4) + '\n'
    table = blazar('lease', 'show', ID).check().stdout
    assert '|     "before_end": "default",' in table
    assert '| [' not in table


def test_hyphenated_json(server: RecordedBlazar, blazar: Runner) -> None:
    """``blazar lease-show -f json`` keeps the JSON of 4.6.0, which scripts rest on."""
    sent = server.recorded('lease-show-physical').json['lease']
    found = blazar('lease-show', ID, '-f', 'json').json
    assert found['reservations'] == json.dumps(sent['reservations'][0], indent=4)
    assert found['events'] == '\n'.join(json.dumps(event, indent=4) for event in sent['events'])
    assert found['degraded'] is False


@pytest.mark.parametrize('name', ['None', '[1]', '{}', 'True', "('a',)"])
def test_name_that_looks_like_python(server: RecordedBlazar, blazar: Runner, name: str) -> None:
    """Defect of 4.6.0: a lease named None is shown as empty; here it is found and shown as None."""
    server.hold(server.leases(2, name=lambda index: ('other', name)[index]))
    assert blazar('lease', 'show', name, '-f', 'value', '-c', 'name').stdout == f'{name}\n'
    assert blazar('lease-show', name, '-f', 'json').json['name'] == name
    assert f'| {name} ' in blazar('lease', 'show', name, '-c', 'name').stdout


def test_name_takes_one_request(server: RecordedBlazar, blazar: Runner) -> None:
    """A name needs the list and nothing else; an ID the lease and nothing else."""
    server.hold(server.leases(3))
    blazar('lease', 'show', 'lease-00001', cloud='alice-endpoint').check()
    assert server.calls() == ['GET /v1/leases']
    server.forget()
    blazar('lease', 'show', server.leases(3)[1]['id'], cloud='alice-endpoint').check()
    assert len(server.calls()) == 1


def test_name_that_begins_like_an_id(server: RecordedBlazar, blazar: Runner) -> None:
    """Defect of 4.6.0: <uuid>-copy is a name, though it begins with an ID."""
    server.hold(server.leases(1, name=f'{ID}-copy'))
    assert blazar('lease', 'show', f'{ID}-copy', '-c', 'name', '-f', 'value').stdout == (
        f'{ID}-copy\n'
    )


def test_ambiguous_name(server: RecordedBlazar, blazar: Runner) -> None:
    """The candidates are named with what tells them apart."""
    leases = server.leases(2, name='twin', status='ACTIVE')
    server.hold(leases)
    ran = blazar('lease', 'show', 'twin')
    assert ran.code == 1
    for lease in leases:
        assert f'{lease["id"]}  {lease["start_date"]}  {lease["end_date"]}  ACTIVE' in ran.stderr


def test_no_such_lease(server: RecordedBlazar, blazar: Runner) -> None:
    """A name that nothing has, and a column that a lease does not have."""
    server.hold(server.leases(1, name='a'))
    ran = blazar('lease', 'show', 'nope')
    assert (ran.code, ran.stdout) == (1, '')
    assert "'nope'" in ran.stderr
    ran = blazar('lease', 'show', 'a', '-c', 'nope')
    assert ran.code == 1
    assert 'nope' in ran.stderr


def test_text_in_brackets_in_a_nested_value(server: RecordedBlazar, blazar: Runner) -> None:
    """Lists of texts are lines, empty lists are empty, and dicts are JSON."""
    server.hold(server.leases(1, name='a', reservations=['x', 1], events=[], more={'b': None}))
    ran = blazar('lease', 'show', 'a', '-f', 'value', '-c', 'reservations', '-c', 'events')
    assert ran.stdout == '\nx\n1\n'
    ran = blazar('lease', 'show', 'a', '-f', 'value', '-c', 'more')
    assert json.loads(ran.stdout) == {'b': None}
