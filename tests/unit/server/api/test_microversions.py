"""Which microversion a request gets."""

import pytest

from blazarclient.server import errors
from blazarclient.server.app import create_app
from blazarclient.server.config import Settings
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database
from tests.unit.server.api.requests import Call, authenticate


@pytest.mark.parametrize(
    ('header', 'spoken'),
    [
        ('reservation 1.0', '1.0'),
        ('RESERVATION latest', '1.2'),
        ('reservation 1.1', '1.1'),
        ('reservation 1.0, reservation 1.2', '1.2'),
        ('compute 2.90, reservation 1.0', '1.0'),
        ('reservation 9.9, reservation 1.0', '1.0'),
        ('reservation  1.0 ', '1.0'),
        ('reservation', '1.0'),
        (',', '1.0'),
        ('', '1.0'),
    ],
)
def test_microversions_that_are_there(call: Call, header: str, spoken: str) -> None:
    """The last version of this service counts, of other services none."""
    answer = call('GET', '/v1/leases', headers={'OpenStack-API-Version': header})
    assert answer.status_code == 200
    assert answer.headers['OpenStack-API-Version'] == f'reservation {spoken}'
    assert answer.headers['Vary'] == 'OpenStack-API-Version'


@pytest.mark.parametrize(
    ('header', 'status'),
    [
        ('reservation 0.9', 400),
        ('reservation 1.00', 400),
        ('reservation 1.0.0', 400),
        ('reservation Latest', 400),
        ('reservation -1.0', 400),
        ('reservation 1.3', 406),
        ('reservation 2.0', 406),
        ('reservation 1.0, reservation 7.7', 406),
    ],
)
def test_microversions_that_are_not(call: Call, header: str, status: int) -> None:
    """The answer names no version, as nothing was done in any."""
    answer = call('GET', '/v1/leases', headers={'OpenStack-API-Version': header})
    assert answer.status_code == status
    assert 'OpenStack-API-Version' not in answer.headers
    assert 'Vary' not in answer.headers


def test_a_pin_that_means_nothing(database: Database) -> None:
    """It is told when the service starts."""
    with pytest.raises(errors.InvalidInput, match=r'pin = 0\.7'):
        create_app(database, Policy(), Settings(pin='0.7'), authenticate)
