"""What a new reservation lacks is added where Blazar insists on it."""

from __future__ import annotations

import pytest

from blazarclient.resources.reservation import completed
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar


@pytest.mark.parametrize(
    ('given', 'added'),
    [
        (
            {'resource_type': 'physical:host', 'min': 1, 'max': 2},
            {'hypervisor_properties': '', 'resource_properties': ''},
        ),
        (
            {'resource_type': 'virtual:instance', 'vcpus': 1},
            {'affinity': None, 'resource_properties': ''},
        ),
        (
            {'resource_type': 'virtual:floatingip', 'network_id': 'n'},
            {'amount': 1, 'required_floatingips': []},
        ),
        ({'resource_type': 'flavor:instance', 'flavor_id': 'f'}, {'affinity': None}),
        ({'resource_type': 'custom:thing', 'size': 1}, {}),
    ],
)
def test_what_is_added(given: dict[str, object], added: dict[str, object]) -> None:
    """Only what says nothing is added, and only to Blazar's own types."""
    assert completed(given) == {**added, **given}


def test_what_is_given_stays(server: RecordedBlazar, client: ClientFactory) -> None:
    """A filter that is given goes to the service, as JSON in a text."""
    server.on('POST', '/v1/leases', status=201, body={'lease': server.leases(1)[0]})
    host = {'resource_type': 'physical:host', 'min': 1, 'max': 1}
    client().leases.create(
        'mine', 'now', '+1h', [{**host, 'resource_properties': ['==', '$gpu', 'True']}]
    )
    [request] = server.sent('POST', '/v1/leases')
    assert request.json['reservations'] == [
        {**host, 'hypervisor_properties': '', 'resource_properties': '["==", "$gpu", "True"]'}
    ]
