"""What a stock Blazar does before and without any lease: URLs, microversions, its ways to refuse.

The rules were read off tests/wire and are held to it by tests/unit/test_recorded.py.
"""

import functools
import json
import re
import urllib.parse
from collections.abc import Iterable, Sequence
from typing import Any

from tests import recordings
from tests.recordings import Recording

ROUTES = (
    re.compile(r'/v1/leases(?:\.json)?'),
    re.compile(r'/v1/leases/(?P<lease_id>[^/]+)'),
    re.compile(r'/v1/os-hosts(?:/allocations|/properties)?'),
    re.compile(r'/v1/os-hosts/properties/[^/]+'),
    re.compile(r'/v1/os-hosts/(?!allocations$|properties$)(?P<host_id>[^/]+)(?:/allocation)?'),
    re.compile(r'/v1/floatingips'),
    re.compile(r'/v1/floatingips/(?P<floatingip_id>[^/]+)'),
)
#: Version documents; no microversion is looked at there.
DOCUMENTS = ('/', '/versions', '/v2')

#: Blazar reads the query of these and of no other.
_WITH_QUERY = re.compile(r'/v1/os-hosts/(allocations|properties)')
_VERSION = re.compile(r'[1-9]\d*\.(0|[1-9]\d*)')
_ID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')

Refusal = tuple[int, dict[str, Any]]


def is_route(path: str) -> bool:
    """Whether Blazar has anything at this path."""
    return path in DOCUMENTS or any(route.fullmatch(path) for route in ROUTES)


def asked_version(header: str | None) -> str | None:
    """What an OpenStack-API-Version header says to the reservation service, None when nothing."""
    for part in (header or '').split(','):
        service, _, version = part.strip().partition(' ')
        if service == 'reservation':
            return version.strip()
    return None


def choose_version(asked: str | None, versions: tuple[str, str]) -> str | Refusal:
    """The microversion of the answer, or how the request is refused."""
    lowest, highest = versions
    if asked is None:
        return lowest
    if asked == 'latest':
        return highest
    if not _VERSION.fullmatch(asked):
        return _error(
            400,
            f'API Version String {asked} is of invalid format. '
            'Must be of format MajorNum.MinorNum.',
        )
    if not _number(lowest) <= _number(asked) <= _number(highest):
        return _error(
            406,
            f'Version {asked} is not supported by the API. '
            f'Minimum is {lowest} and maximum is {highest}.',
        )
    return asked


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split('.'))


def _error(status: int, message: str) -> Refusal:
    return status, {'error': status, 'error_message': message}


def no_such_url() -> Refusal:
    """How Blazar answers at a path it does not have."""
    return _error(
        404,
        'The requested URL was not found on the server. If you entered the URL manually please '
        'check your spelling and try again.',
    )


def no_such_object(path: str) -> Refusal:
    """How Blazar answers for an id it does not have."""
    kind, value = _named_object(path) or ('path', path)
    message = f"Object with {{'{kind}': '{value}'}} not found"
    if kind == 'floatingip_id':
        message = f'Floating IP {value} not found.'
    return 404, {'error_code': 404, 'error_message': message, 'error_name': 404}


def _named_object(path: str) -> tuple[str, str] | None:
    """Kind and id of the object that a path is about."""
    for route in ROUTES:
        found = route.fullmatch(path)
        for kind, value in found.groupdict().items() if found else ():
            return kind, value
    return None


def names_unknown_object(path: str) -> bool:
    """Whether the path names an object that no recording has ever heard of."""
    named = _named_object(path)
    return named is not None and named[1] not in _known_ids()


@functools.cache
def _known_ids() -> frozenset[str]:
    known: set[str] = set()
    for folder in ('rest', 'rest-16'):
        for each in recordings.load_all(folder):
            if each.status and each.status < 300:
                known.add(each.path.rsplit('/', 1)[-1])
                known.update(_ID.findall(each.body.decode()))
    return frozenset(known)


def _by_version(each: Recording) -> bool:
    """Whether the recording is of a refusal that choose_version gives."""
    asked = asked_version(each.request_header('OpenStack-API-Version'))
    return asked is not None and each.status in (400, 406)


def matching(
    among: Iterable[Recording],
    *,
    user: str | None,
    method: str,
    path: str,
    query: str,
    accept: str | None,
    version: str | None,
    body: bytes,
) -> Sequence[Recording]:
    """The recordings that answer a request, best first; empty when none does.

    Several are left where the same call was made more than once with different outcomes.
    """
    found = [
        each
        for each in among
        if (each.user, each.method, each.path) == (user, method, path)
        and each.status is not None
        and not _by_version(each)
        and (not _WITH_QUERY.match(path) or _same_query(each.query, query))
    ]
    if method == 'POST' or (method in ('PUT', 'PATCH') and len(found) > 1):
        found = [each for each in found if _same_body(each.request_body, body)]

    def misfit(each: Recording) -> tuple[bool, bool, bool, bool, str]:
        return (
            not _same_query(each.query, query),
            each.request_header('Accept') != accept,
            each.request_header('OpenStack-API-Version') != version,
            (each.status or 0) >= 400,
            each.name,
        )

    found.sort(key=misfit)
    return [each for each in found if misfit(each)[:3] == misfit(found[0])[:3]]


def _same_query(one: str, other: str) -> bool:
    return sorted(urllib.parse.parse_qsl(one.lower())) == sorted(
        urllib.parse.parse_qsl(other.lower())
    )


def _same_body(recorded: bytes | None, sent: bytes) -> bool:
    if (recorded or b'') == sent:
        return True
    try:
        return bool(recorded) and bool(json.loads(recorded or b'') == json.loads(sent))
    except ValueError:
        return False
