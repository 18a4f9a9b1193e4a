"""``lease list``: columns, order, formats."""

import pytest

from tests.conftest import Runner
from tests.recorded import RecordedBlazar


def test_columns_and_wire_text(server: RecordedBlazar, openstack: Runner) -> None:
    """The four columns of python-blazarclient 4, sorted by name, with dates as they came."""
    server.hold(server.leases(2, name=lambda index: 'ba'[index], end_date='2027-01-01T00:00:00.0'))
    ran = openstack('reservation', 'lease', 'list', '-f', 'json')
    assert ran.stderr == ''
    assert [list(row) for row in ran.json] == [['id', 'name', 'start_date', 'end_date']] * 2
    assert [row['name'] for row in ran.json] == ['a', 'b']
    assert {row['end_date'] for row in ran.json} == {'2027-01-01T00:00:00.0'}
    assert server.calls('reservation') == ['GET /v1/leases']


def test_of_every_project(server: RecordedBlazar, blazar: Runner) -> None:
    """Chameleon's Blazar wants to be asked for them; a stock one shows them in any case."""
    server.on('GET', '/v1/leases', body={'leases': server.leases(1)})
    blazar('lease', 'list', '--all-projects', cloud='admin').check()
    assert server.sent('GET', '/v1/leases')[0].query == 'all_tenants=True'


@pytest.mark.parametrize(
    ('options', 'output'),
    [([], '\n'), (['-f', 'json'], '[]\n'), (['-f', 'value'], ''), (['-c', 'status'], '\n')],
)
def test_no_leases(server: RecordedBlazar, blazar: Runner, options: list[str], output: str) -> None:
    """An empty list is an empty line, an empty JSON list, or nothing."""
    server.hold([])
    ran = blazar('lease', 'list', *options).check()
    assert (ran.stdout, ran.stderr) == (output, '')


@pytest.mark.parametrize(
    ('options', 'names'),
    [
        ([], ['a', 'b', 'c']),
        (['--sort-by', 'end_date'], ['c', 'a', 'b']),
        (['--sort-by', 'End Date'], ['c', 'a', 'b']),
        (['--sort-by', 'status'], ['b', 'c', 'a']),
        (['--sort-by', 'end_date', '--sort-descending'], ['b', 'a', 'c']),
        (['--sort-column', 'end_date'], ['c', 'a', 'b']),
        (['--sort-column', 'status', '--sort-descending'], ['a', 'c', 'b']),
        (['--sort-column', 'degraded', '--sort-column', 'end_date'], ['c', 'a', 'b']),
        (['--sort-column', 'no_such'], ['a', 'b', 'c']),
    ],
)
def test_order(
    server: RecordedBlazar, blazar: Runner, options: list[str], names: list[str]
) -> None:
    """Any column sorts, shown or not; --sort-column goes before --sort-by."""
    server.hold(
        server.leases(
            3,
            name=lambda index: 'cab'[index],
            end_date=lambda index: f'2027-01-0{index + 1}T00:00:00.000000',
            status=lambda index: ('PENDING', 'PENDING', 'ACTIVE')[index],
            degraded=False,
        )
    )
    ran = blazar('lease', 'list', '-f', 'value', '-c', 'name', *options).check()
    assert ran.stdout.split() == names


def test_order_with_nothing_in_it(server: RecordedBlazar, blazar: Runner) -> None:
    """Leases without a value come last, and structures can be sorted by."""
    server.hold(
        server.leases(3, name=lambda index: 'abc'[index], updated_at=lambda i: (None, 'z', 'y')[i])
    )
    ran = blazar('lease', 'list', '-c', 'name', '-f', 'value', '--sort-by', 'updated_at').check()
    assert ran.stdout.split() == ['c', 'b', 'a']
    blazar('lease', 'list', '--sort-by', 'reservations').check()


def test_unknown_order(server: RecordedBlazar, blazar: Runner) -> None:
    """A column that does not exist is refused before any request, with those that do."""
    ran = blazar('lease', 'list', '--sort-by', 'nmae')
    assert ran.code == 1
    assert "--sort-by 'nmae' is not a column" in ran.stderr
    assert 'end_date' in ran.stderr
    assert not server.calls()


def test_any_column(server: RecordedBlazar, blazar: Runner) -> None:
    """-c takes any key of the answer, also an unknown one, in the order asked for."""
    server.hold(server.leases(2, name='a', status='ACTIVE', updated_at=None, flavour=['x']))
    ran = blazar('lease', 'list', '-c', 'Status', '-c', 'flavour', '-c', 'updated_at', '-f', 'json')
    assert ran.json == [{'status': 'ACTIVE', 'flavour': ['x'], 'updated_at': None}] * 2
    ran = blazar('lease', 'list', '-c', 'status', '-c', 'updated_at', '-f', 'csv')
    assert ran.stdout.splitlines() == ['"status","updated_at"', '"ACTIVE",""', '"ACTIVE",""']


def test_unknown_column(server: RecordedBlazar, blazar: Runner) -> None:
    """A column that no lease has is left out; when none is left, the columns are named."""
    server.hold(server.leases(1, name='a'))
    ran = blazar('lease', 'list', '-c', 'nope', '-c', 'name', '-f', 'json')
    assert ran.json == [{'name': 'a'}]
    ran = blazar('lease', 'list', '-c', 'nope')
    assert ran.code == 1
    assert "No column is named 'nope'. The columns are id, name, " in ran.stderr


def test_long(server: RecordedBlazar, blazar: Runner) -> None:
    """--long says in a cell what is reserved; JSON has the reservations themselves."""
    reservations = [
        {'id': '1', 'resource_type': 'physical:host', 'min': 1, 'max': 2},
        {'id': '2', 'resource_type': 'physical:host', 'min': 3, 'max': 3},
        {'id': '3', 'resource_type': 'virtual:floatingip', 'amount': 4},
        {'id': '4', 'resource_type': 'other:thing'},
    ]
    server.hold(server.leases(1, name='a', reservations=reservations, status='ACTIVE'))
    row = blazar('lease', 'list', '--long', '-f', 'json').json[0]
    assert list(row) == [
        *('id', 'name', 'start_date', 'end_date'),
        *('status', 'degraded', 'project_id', 'user_id', 'reservations'),
    ]
    assert row['reservations'] == reservations
    ran = blazar('lease', 'list', '--long', '-f', 'value', '-c', 'reservations')
    assert ran.stdout == '1-2 physical:host, 3 physical:host, 4 virtual:floatingip, other:thing\n'


def test_names_that_look_like_something_else(server: RecordedBlazar, blazar: Runner) -> None:
    """Defect of 4.6.0: a name such as None or [1] is shown as it is, not as what it looks like."""
    names = ['None', '[1]', '{"a": 1}', '', '007', 'x\u202ey', 'Ω']
    server.hold(server.leases(7, name=lambda index: names[index]))
    rows = blazar('lease', 'list', '-f', 'json').json
    assert sorted(row['name'] for row in rows) == sorted(names)


def test_hyphenated_list(server: RecordedBlazar, blazar: Runner) -> None:
    """``blazar lease-list -f json`` keeps the empty text of 4.6.0 for null."""
    server.hold(server.leases(1, updated_at=None))
    assert blazar('lease-list', '-c', 'updated_at', '-f', 'json').json == [{'updated_at': ''}]
    assert blazar('lease', 'list', '-c', 'updated_at', '-f', 'json').json == [{'updated_at': None}]


@pytest.mark.parametrize('body', [[], ['x'], 'gone', '"text"', {'error': ['a', {'b': 1}]}])
def test_odd_error_bodies(server: RecordedBlazar, blazar: Runner, body: object) -> None:
    """Defect of 4.6.0: an error body of any shape gives a sentence and not an AttributeError."""
    server.on('GET', '/v1/leases', status=409, body=body)
    ran = blazar('lease', 'list')
    assert ran.code == 1
    assert 'HTTP 409' in ran.stderr
    assert 'attribute' not in ran.stderr


def test_long_json_is_real(server: RecordedBlazar, blazar: Runner) -> None:
    """--long is new, so the hyphenated spelling gives real JSON with it, too."""
    leases = server.leases(1)
    server.hold(leases)
    [row] = blazar('lease-list', '--long', '-f', 'json').json
    assert row['reservations'] == leases[0]['reservations']
