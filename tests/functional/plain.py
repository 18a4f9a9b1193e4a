"""Plain HTTP as an administrator, for what tests prepare and tidy up: not the code under test."""

import time
from typing import Any

from keystoneauth1 import session as keystone_session

_DELETE_TIMEOUT = 60.0


def delete_leases(admin: keystone_session.Session, prefix: str) -> None:
    """Delete the leases whose names begin so."""
    deadline = time.monotonic() + _DELETE_TIMEOUT
    while left := [each for each in _leases(admin) if each['name'].startswith(prefix)]:
        answers = [request(admin, 'DELETE', f'leases/{lease["id"]}') for lease in left]
        if all(answer.status_code in (204, 404) for answer in answers):
            return
        # A lease that is starting or ending cannot be deleted for a moment (500).
        said = [f'{answer.status_code} {answer.text}' for answer in answers]
        assert time.monotonic() < deadline, f'could not delete {left}: {said}'
        time.sleep(0.5)


def _leases(admin: keystone_session.Session) -> list[dict[str, Any]]:
    leases: list[dict[str, Any]] = request(admin, 'GET', 'leases').json()['leases']
    return leases


def request(
    session: keystone_session.Session,
    method: str,
    path: str,
    *,
    microversion: str | None = None,
    **options: Any,
) -> Any:
    """Send a request to a path below the endpoint, and return any answer."""
    url = f'{session.get_endpoint(service_type="reservation")}/{path}'
    headers = {'Accept': 'application/json'}
    if microversion:
        headers['OpenStack-API-Version'] = f'reservation {microversion}'
    return session.request(url, method, headers=headers, raise_exc=False, **options)
