"""``openstack.connect(...).reservation``: the calls that openstacksdk's users expect."""

import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import openstack  # noqa: TID253
import pytest
from openstack import exceptions, resource  # noqa: TID253

from blazarclient import openstacksdk
from blazarclient.client import Client
from tests.functional.conftest import Cloud, Name, Reservation, Slot


@pytest.fixture
def connection(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connection of alice, made by the vendor hook."""
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(cloud.config_file))
    made = openstack.connect(cloud='alice', vendor_hook='blazarclient.openstacksdk:add_to')
    yield made
    made.close()


def test_same_surface() -> None:
    """Whatever a collection of the client can do, the proxy can, under openstacksdk's names."""
    client = Client(blazar_url='http://127.0.0.1:9/v1', auth_token='secret')
    names = {name for name, each in vars(client).items() if hasattr(each, 'RESOURCE')}
    assert names == openstacksdk.COLLECTIONS.keys()
    for kind in openstacksdk.COLLECTIONS.values():
        for method, call in (
            ('list', kind.MANY),
            ('get', f'get_{kind.ONE}'),
            ('find', f'find_{kind.ONE}'),
            ('create', f'create_{kind.ONE}'),
            ('update', f'update_{kind.ONE}'),
            ('delete', f'delete_{kind.ONE}'),
        ):
            found = getattr(openstacksdk.Proxy, call, None)
            assert (found is None) == (getattr(kind, method, None) is None), call
            assert found is None or inspect.getdoc(found)
    classes = {kind.RESOURCE.__name__ for kind in openstacksdk.COLLECTIONS.values()}
    for name in classes:
        assert openstacksdk.__dict__[name].FIELDS


def test_life_of_a_lease(connection: Any, name: Name, slot: Slot, reservation: Reservation) -> None:
    """Make, find, change and delete one, without any request for versions."""
    sent: list[str] = []
    session = connection.session
    send = session.request

    def request(url: str, method: str, **kwargs: Any) -> Any:
        sent.append(f'{method} {url}')
        return send(url, method, **kwargs)

    session.request = request
    leases = connection.reservation
    start, end = slot()
    made = leases.create_lease(
        name=name(), start_date=start, end_date=end, reservations=[reservation('physical:host')]
    )
    try:
        assert made.id in {each.id for each in leases.leases()}
        found = leases.find_lease(made.name)
        assert (found.id, found.end_date) == (made.id, end)
        assert pickle.loads(pickle.dumps(found)) == found
        found = resource.wait_for_status(leases, found, 'PENDING', interval=1, wait=60)
        leases.update_lease(found, name=f'{found.name}-renamed')
        assert leases.get_lease(found.id).fetch().name == f'{made.name}-renamed'
        assert leases.get_lease(found).to_dict()['id'] == made.id
    finally:
        leases.delete_lease(made)
    leases.delete_lease(made)
    assert leases.find_lease(made.id) is None
    with pytest.raises(exceptions.NotFoundException):
        leases.delete_lease(made, ignore_missing=False)
    asked = [each for each in sent if '/auth/tokens' not in each]
    assert asked
    assert all('/v1/leases' in each for each in asked)


# openstacksdk's own calls of itself, for a request that goes past our methods.
@pytest.mark.filterwarnings('ignore:The .service_type. parameter')
def test_errors_of_openstacksdk(connection: Any) -> None:
    """Programs catch what they catch of any other service."""
    with pytest.raises(exceptions.ForbiddenException, match='oshosts:get'):
        list(connection.reservation.hosts())
    with pytest.raises(exceptions.NotFoundException) as caught:
        connection.reservation.get_lease('no-such-lease')
    assert (caught.value.status_code, str(caught.value.request_id)[:4]) == (404, 'req-')
    with pytest.raises(exceptions.NotFoundException):
        connection.reservation.find_lease('no-such-lease', ignore_missing=False)
    with pytest.raises(exceptions.SDKException, match='nonsense'):
        connection.reservation.create_lease('x', 'nonsense', 'now', [])
    assert connection.reservation.get('/leases').status_code == 200


def test_errors_while_reading(connection: Any) -> None:
    """What fails while a list is read is an error of openstacksdk's, too."""
    if str(connection.reservation.client.api_versions()['spoken']) < '1.1':
        pytest.skip('no gateway is there, or 1.0 is spoken')
    with pytest.raises(exceptions.ForbiddenException):
        list(connection.reservation.notifications(all_projects=True))
    with pytest.raises(exceptions.SDKException, match='2h'):
        list(connection.reservation.notifications(since='2h'))
