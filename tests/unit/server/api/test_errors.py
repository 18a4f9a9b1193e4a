"""How errors are told: from 1.1 on for programs too, at 1.0 as Blazar tells them."""

from typing import Any

import pytest

from blazarclient.server.config import Settings
from blazarclient.server.store.database import Database
from tests.unit.server.api.requests import LEASE, UNKNOWN, Call

CASES: list[tuple[str, str, dict[str, Any], int, str | None]] = [
    ('GET', f'/leases/{UNKNOWN}', {}, 404, 'reservation.not-found'),
    ('GET', '/nothing', {}, 404, 'reservation.not-found'),
    ('GET', '/leases/', {}, 404, 'reservation.not-found'),
    ('PATCH', '/leases', {}, 405, 'reservation.method-not-allowed'),
    ('POST', '/leases', {'data': 'x', 'content_type': 'text/plain'}, 415, None),
    ('POST', '/leases', {'data': '{', 'content_type': 'application/json'}, 400, None),
    ('POST', '/leases', {'json': [1]}, 400, 'reservation.invalid-input'),
    ('POST', '/leases', {'json': {**LEASE, 'start_date': 'x'}}, 400, 'reservation.invalid-input'),
    ('POST', '/leases', {'json': LEASE, 'user': 'rita'}, 403, 'reservation.policy-forbidden'),
    ('POST', '/leases', {'data': b' ' * (2**20 + 1)}, 413, 'reservation.body-too-long'),
    ('POST', '/subscriptions', {'json': {}}, 400, 'reservation.invalid-input'),
]


@pytest.mark.parametrize(('method', 'path', 'options', 'status', 'code'), CASES)
def test_from_1_1_on(
    modern: Call, method: str, path: str, options: dict[str, Any], status: int, code: str | None
) -> None:
    """An error is in the form of OpenStack's guideline, and in Blazar's beside it."""
    answer = modern(method, path, **options)
    assert answer.status_code == status, answer.text
    content = answer.get_json()
    (error,) = content.pop('errors')
    assert content.keys() == {'error_code', 'error_message', 'error_name'}
    assert content['error_code'] == error['status'] == status
    assert content['error_message'] == error['detail']
    assert error['title']
    assert error['links'] == []
    assert error['request_id'].startswith('req-')
    assert error['code'].startswith('reservation.')
    assert code in {None, error['code']}
    if 'x-openstack-request-id' in answer.headers:
        assert error['request_id'] == answer.headers['x-openstack-request-id']
    assert answer.headers['OpenStack-API-Version'] == 'reservation 1.2'


@pytest.mark.parametrize(('method', 'path', 'options', 'status', 'code'), CASES)
def test_at_1_0(
    call: Call, method: str, path: str, options: dict[str, Any], status: int, code: str | None
) -> None:
    """What is new is not told there."""
    answer = call(method, f'/v1{path}', **options)
    assert answer.status_code >= 400
    assert answer.get_json().keys() in (
        {'error', 'error_message'},
        {'error_code', 'error_message', 'error_name'},
    )


@pytest.mark.parametrize('version', ['1.3', '2.0'])
def test_a_version_that_there_is_not(modern: Call, version: str) -> None:
    """406 says in Blazar's words, and for programs, which there are."""
    content = modern('GET', '/leases', microversion=version).get_json()
    (error,) = content.pop('errors')
    sentence = f'Version {version} is not supported by the API. Minimum is 1.0 and maximum is 1.2.'
    assert content == {'error': 406, 'error_message': sentence}
    assert error['code'] == 'reservation.version-not-supported'
    assert (error['min_version'], error['max_version']) == ('1.0', '1.2')


def test_times_are_in_utc_from_1_1_on(call: Call, modern: Call, lease_id: str) -> None:
    """A lease has the times that it has at 1.0, in one form and with their zone."""
    old = call('GET', f'/v1/leases/{lease_id}').get_json()['lease']
    new = modern('GET', f'/leases/{lease_id}', microversion='1.1').get_json()['lease']
    assert (old['start_date'], new['start_date']) == (
        '2030-01-01T10:00:00.000000',
        '2030-01-01T10:00:00Z',
    )
    assert new['created_at'] == f'{old["created_at"].replace(" ", "T")}Z'
    assert [each['time'] for each in new['events']] == [
        each['time'].replace('.000000', 'Z') for each in old['events']
    ]


def test_a_database_that_is_busy(
    modern: Call, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 says when to come again."""
    from blazarclient.server import errors
    from blazarclient.server.objects.lease import Lease

    def busy(*given: object) -> None:
        raise errors.Busy('The database is locked.')

    monkeypatch.setattr(Lease, 'list', busy)
    answer = modern('GET', '/leases')
    assert (answer.status_code, answer.headers['Retry-After']) == (503, '1')
    assert answer.get_json()['errors'][0]['code'] == 'reservation.busy'


class TestPinned:
    """A service that is pinned to 1.0 is as a stock Blazar."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(pin='1.0')

    def test_406(self, modern: Call) -> None:
        answer = modern('GET', '/leases', microversion='1.1')
        assert answer.status_code == 406
        assert answer.get_json().keys() == {'error', 'error_message'}

    def test_404(self, call: Call) -> None:
        assert call('GET', '/v1/subscriptions').status_code == 404
