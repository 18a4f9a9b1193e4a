"""What programs for python-blazarclient 4 call speaks 1.0, whatever else the client speaks."""

import pytest

from blazarclient import exception
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar

HEADER = 'OpenStack-API-Version'


@pytest.mark.parametrize('pin', [None, '1.0', '1.2'])
def test_managers_speak_1_0(server: RecordedBlazar, client: ClientFactory, pin: str | None) -> None:
    """Each request of a manager asks for 1.0, and so does what it returned."""
    made = client(api_version=pin)
    lease = made.lease.list()[0]
    lease.client.leases.list()
    assert [each.headers[HEADER] for each in server.sent('GET')] == ['reservation 1.0'] * 2
    assert str(lease.version) == '1.0'
    with pytest.raises(exception.FieldNotAvailable, match='the managers of python-blazarclient 4'):
        _ = lease.subscriptions


def test_collections_negotiate(server: RecordedBlazar, client: ClientFactory) -> None:
    """What a manager has asked for says nothing about what the collections may ask for."""
    made = client()
    made.lease.list()
    made.leases.list()
    asked = [each.headers[HEADER] for each in server.sent('GET')]
    assert asked == ['reservation 1.0', 'reservation latest']
