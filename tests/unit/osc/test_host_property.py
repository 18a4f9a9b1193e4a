"""``host property`` and its alias ``host capability``."""

import re

import pytest

from tests.conftest import Runner
from tests.recorded import RecordedBlazar

PATH = '/v1/os-hosts/properties'
ALL = [
    {'property': 'rack', 'private': True, 'values': ['r1']},
    {'property': 'gpu', 'private': False, 'values': ['False', 'True']},
]


def test_list(server: RecordedBlazar, openstack: Runner) -> None:
    """Names only, unless asked for more."""
    ran = openstack('reservation', 'host', 'property', 'list', '-f', 'json', cloud='admin')
    assert ran.json == [{'property': 'gpu'}]
    assert server.sent('GET', PATH)[0].query == ''


@pytest.mark.parametrize('noun', ['property', 'capability'])
def test_list_in_detail(server: RecordedBlazar, openstack: Runner, noun: str) -> None:
    """--detail and --all go to the service; `values` is called property_values, as ever."""
    server.on('GET', PATH, body={'resource_properties': ALL})
    options = ('--detail', '--all', '-f', 'json')
    ran = openstack('reservation', 'host', noun, 'list', *options, cloud='admin')
    assert ran.json == [
        {'property': 'gpu', 'private': False, 'property_values': ['False', 'True']},
        {'property': 'rack', 'private': True, 'property_values': ['r1']},
    ]
    query = server.sent('GET', PATH)[0].query
    assert sorted(query.split('&')) == ['all=True', 'detail=True']


def test_detail_that_is_needed(server: RecordedBlazar, blazar: Runner) -> None:
    """A column or an order that needs details asks for them."""
    server.on('GET', PATH, body={'resource_properties': ALL})
    ran = blazar('host', 'property', 'list', '-c', 'private', '-f', 'value', cloud='admin')
    assert ran.check().stdout == 'False\nTrue\n'
    ran = blazar(
        'host', 'property', 'list', '--sort-column', 'private', '-f', 'value', cloud='admin'
    )
    assert ran.check().stdout == 'gpu\nrack\n'
    assert {request.query for request in server.sent('GET', PATH)} == {'detail=True'}


def test_unknown_columns(server: RecordedBlazar, blazar: Runner) -> None:
    """The three columns are named."""
    ran = blazar('host', 'property', 'list', '--sort-by', 'id', cloud='admin')
    assert ran.code == 1
    assert 'The columns are property, private, property_values.' in ran.stderr
    assert not server.calls()


def test_show(server: RecordedBlazar, blazar: Runner) -> None:
    """A property with its values, which are a list in JSON with every spelling."""
    server.on('GET', PATH, body={'resource_properties': ALL})
    expected = {'private': False, 'property': 'gpu', 'property_values': ['False', 'True']}
    for words in (['host', 'property', 'show'], ['host-property-show']):
        assert blazar(*words, 'gpu', '-f', 'json', cloud='admin').json == expected
    table = blazar('host', 'property', 'show', 'gpu', cloud='admin').check().stdout
    assert '| property_values | False |\n|                 | True  |' in table


def test_show_what_is_not_there(server: RecordedBlazar, blazar: Runner) -> None:
    """The sentence names the property."""
    server.on('GET', PATH, body={'resource_properties': ALL})
    ran = blazar('host', 'property', 'show', 'nope', cloud='admin')
    assert ran.code == 1
    assert "No host has a property 'nope'" in ran.stderr


@pytest.mark.parametrize(
    ('words', 'private'),
    [
        (['host', 'property', 'set', '--private'], True),
        (['host', 'property', 'set', '--public'], False),
        (['host-property-set', '--public'], False),
    ],
)
def test_set(server: RecordedBlazar, blazar: Runner, words: list[str], private: bool) -> None:
    """A property is hidden or shown."""
    server.play('property-patch')
    ran = blazar(*words, 'gpu', cloud='admin').check()
    assert (ran.stdout, ran.stderr) == ('Updated host property: gpu\n', '')
    assert server.sent('PATCH')[0].json == {'private': private}


def test_set_nothing_or_both(server: RecordedBlazar, blazar: Runner) -> None:
    """Defect of 4.6.0: without an option a property became public."""
    ran = blazar('host', 'property', 'set', 'gpu', cloud='admin')
    assert ran.code == 1
    assert 'give --private or --public' in ran.stderr
    ran = blazar('host', 'property', 'set', 'gpu', '--private', '--public', cloud='admin')
    assert ran.code == 2
    assert not server.calls()


def test_set_what_is_not_there(server: RecordedBlazar, blazar: Runner) -> None:
    """Blazar speaks of its database then; a sentence for people takes the place of that."""
    ran = blazar('host', 'property', 'set', 'nosuch', '--private', cloud='admin')
    assert ran.code == 1
    assert "No host has a property 'nosuch'." in ran.stderr
    assert 'atabase' not in ran.stderr


def test_set_when_the_service_fails(server: RecordedBlazar, blazar: Runner) -> None:
    """Every other failure is told as it is."""
    server.on('PATCH', f'{PATH}/gpu', status=500, body={'error_message': 'Out of order'})
    ran = blazar('host', 'property', 'set', 'gpu', '--private', cloud='admin')
    assert ran.code == 1
    assert 'Out of order' in ran.stderr


def test_names_are_quoted_in_addresses(server: RecordedBlazar, blazar: Runner) -> None:
    """Defect of 4.6.0: names went into the URL as they were."""
    server.on('PATCH', re.compile(f'{PATH}/.*'), body=server.recorded('property-patch').json)
    blazar('host', 'property', 'set', 'a/b?c', '--private', cloud='admin').check()
    [request] = server.sent('PATCH')
    assert request.raw_path.endswith('/os-hosts/properties/a%2Fb%3Fc')
