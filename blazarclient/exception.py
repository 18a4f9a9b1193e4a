"""Every error this package raises.

::

    BlazarClientException               the root: catch this one to catch them all
    ├── CommandError                    authentication options are missing
    ├── NotAuthorized                   not authorized (401)
    ├── NoBlazarEndpoint                the catalog has no reservation service
    ├── NoUniqueMatch                   a name that several objects bear
    ├── UnsupportedVersion              a version that this client or the server does not speak
    │   └── VersionIgnored              the server answered at a lower version than was asked
    ├── IncorrectLease                  lease parameters that cannot be right
    ├── DuplicatedLeaseParameters       a lease parameter given twice
    ├── InsufficientAuthInformation     neither a session nor URL and token
    ├── ResourcePropertyNotFound        no such resource property
    ├── InvalidInput                    a bad value, found before any request
    ├── FieldNotAvailable               a field that the version spoken does not have
    ├── ConnectionFailed                no answer from the service
    │   └── OutcomeUnknown              nobody can say whether the request was carried out
    ├── WaitFailed                      what was waited for can no longer happen
    ├── WaitTimeout                     what was waited for did not happen in time
    └── HTTPError                       the service answered with an error
        ├── BadRequest                  400
        ├── Unauthorized                401
        ├── Forbidden                   403
        ├── NotFound                    404
        ├── NotAcceptable               406
        ├── Conflict                    409
        ├── NotEnoughResources          Blazar's "Not enough ... available", whatever its status
        └── ServerError                 500 and above
            └── ServiceUnavailable      502, 503, 504

What stands above ``InvalidInput`` has the names and codes of python-blazarclient 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

__all__ = [
    'BadRequest',
    'BlazarClientException',
    'CommandError',
    'Conflict',
    'ConnectionFailed',
    'DuplicatedLeaseParameters',
    'FieldNotAvailable',
    'Forbidden',
    'HTTPError',
    'IncorrectLease',
    'InsufficientAuthInformation',
    'InvalidInput',
    'NoBlazarEndpoint',
    'NoUniqueMatch',
    'NotAcceptable',
    'NotAuthorized',
    'NotEnoughResources',
    'NotFound',
    'OutcomeUnknown',
    'ResourcePropertyNotFound',
    'ServerError',
    'ServiceUnavailable',
    'Unauthorized',
    'UnsupportedVersion',
    'VersionIgnored',
    'WaitFailed',
    'WaitTimeout',
    'from_response',
    'redact',
]


class BlazarClientException(Exception):
    """Something went wrong in the reservation client.

    :param message: the sentence to show; the class has one of its own.
    :param kwargs: kept in :attr:`kwargs`; ``code`` also becomes :attr:`code`.
    """

    message: str = 'The reservation client failed for an unknown reason.'
    code: int = 500
    #: What the service calls the request that failed, for its operators' logs.
    request_id: str | None = None

    def __init__(self, message: object = None, **kwargs: object) -> None:
        self.kwargs = kwargs
        kwargs.setdefault('code', self.code)
        code = kwargs['code']
        if isinstance(code, int):
            self.code = code
        if message:
            self.message = str(message)
        elif '%(' in self.message:
            # Classes that programs made of this one fill their texts in like this.
            self.message %= kwargs
        super().__init__(self.message)

    def __str__(self) -> str:
        return str(self.message)


class CommandError(BlazarClientException):
    """Authentication options are missing."""

    message = 'Authentication needs more options, for example --os-auth-url and --os-username.'
    code = 401


class NotAuthorized(BlazarClientException):
    """Not authorized."""

    message = 'The request was not authorized.'
    code = 401


class NoBlazarEndpoint(BlazarClientException):
    """The service catalog has no endpoint of the reservation service."""

    message = 'The service catalog has no endpoint of the reservation service.'
    code = 404


class NoUniqueMatch(BlazarClientException):
    """Several objects bear the name that was given."""

    message = 'More than one object has this name.'
    code = 409


class UnsupportedVersion(BlazarClientException):
    """An API version that this client or the server does not speak."""

    message = 'This API version is not supported.'
    code = 406


class VersionIgnored(UnsupportedVersion):
    """The server answered at a lower version than the request needed.

    What it answered is in :attr:`answer`: the request was carried out, without
    the fields that the lower version lacks.
    """

    answer: object = None


class IncorrectLease(BlazarClientException):
    """Lease parameters that cannot be right."""

    message = 'The parameters of the lease cannot be right.'
    code = 409


class DuplicatedLeaseParameters(BlazarClientException):
    """A lease parameter was given twice."""

    message = 'A parameter of the lease was given twice.'
    code = 400


class InsufficientAuthInformation(BlazarClientException):
    """Neither a session nor a URL with a token was given."""

    message = 'Client() needs session=, a keystoneauth1 session, or blazar_url= with auth_token=.'
    code = 400


class ResourcePropertyNotFound(BlazarClientException):
    """No resource property has this name."""

    message = 'No resource property has this name.'
    code = 404


class InvalidInput(BlazarClientException, ValueError):
    """A value that cannot be right, found before any request was made."""

    code = 400


class FieldNotAvailable(BlazarClientException, AttributeError):
    """A field that the API version spoken does not have."""

    code = 406


class ConnectionFailed(BlazarClientException):
    """The service gave no answer."""

    code = 503
    #: False when surely nothing was sent; True when the request may have been carried out.
    sent: bool = True


class OutcomeUnknown(ConnectionFailed):
    """The answer was lost, and the service could not be asked what became of the request."""

    #: The ID that the lease has, if it was made.
    lease_id: str = ''


class WaitFailed(BlazarClientException):
    """What was waited for can no longer happen."""

    code = 409


class WaitTimeout(BlazarClientException):
    """What was waited for did not happen in time."""

    code = 408


class HTTPError(BlazarClientException):
    """The service answered with an error.

    :attr:`detail` is the service's own sentence; ``str()`` adds what helps: a hint,
    the HTTP status and the request id.
    """

    status: int = 500
    detail: str = ''
    #: What helps, where the service's own sentence does not say.
    hint: str = ''
    method: str = ''
    url: str = ''
    #: Seconds the service asks to wait before the next try, when it does.
    retry_after: str | None = None
    #: The range of microversions that the service names in a 406.
    versions: tuple[str, str] | None = None


class BadRequest(HTTPError):
    """400: the service refused a value."""

    code = 400


class Unauthorized(HTTPError, NotAuthorized):
    """401: the token is missing, wrong or expired."""

    code = 401


class Forbidden(HTTPError):
    """403: the policy does not allow it, or a rule of the service forbids the value."""

    code = 403


class NotFound(HTTPError):
    """404: no such object."""

    code = 404


class NotAcceptable(HTTPError, UnsupportedVersion):
    """406: the service does not speak this microversion."""

    code = 406


class Conflict(HTTPError):
    """409: in the way of something that exists."""

    code = 409


class NotEnoughResources(HTTPError):
    """Not enough hosts, instances or floating IPs are free at that time."""


class ServerError(HTTPError):
    """500 and above; with Blazar also many an ordinary mistake in a request."""


class ServiceUnavailable(ServerError):
    """502, 503, 504: the service is not there at the moment."""

    code = 503


_BY_STATUS: dict[int, type[HTTPError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    406: NotAcceptable,
    409: Conflict,
    **dict.fromkeys((502, 503, 504), ServiceUnavailable),
}

_NOT_ENOUGH = r'Not enough .+ available'
_POLICY = r"Policy doesn't allow (\S+) to be performed"
_NUMBER = r'[0-9]{1,4}\.[0-9]{1,4}'
_RANGE = rf'Minimum is ({_NUMBER}) and maximum is ({_NUMBER})(?![0-9])'
_NO_SUCH_CALL = r'The requested URL was not found|The method is not allowed|Method Not Allowed'
_USERINFO = r'//[^/@\s]*@'
_TAGS = r'<[^>]*>'


def redact(text: str) -> str:
    """The text without user names and passwords in its URLs."""
    return re.sub(_USERINFO, '//', text)


def from_response(
    status: int,
    body: bytes | str,
    headers: Mapping[str, str],
    *,
    method: str = '',
    url: str = '',
    reason: str = '',
) -> HTTPError:
    """The error that an answer with a status of 400 or above stands for.

    :param body: the answer as it came; any of Blazar's, Keystone's and the API-SIG's
        shapes, and whatever a proxy in between may have written.
    :param headers: the answer's headers, in any case.
    """
    text = body.decode('utf-8', 'replace') if isinstance(body, bytes) else body
    try:
        parsed: object = json.loads(text)
        sentence = _sentence(parsed)
    except (ValueError, RecursionError):
        parsed, sentence = None, ''
    detail = sentence or _plain(text) or reason or 'no explanation was given'
    kind = _BY_STATUS.get(status) or (ServerError if status >= 500 else HTTPError)
    if re.match(_NOT_ENOUGH, detail):
        kind = NotEnoughResources
    lowered = {name.lower(): value for name, value in headers.items()}
    request_id = lowered.get('x-openstack-request-id') or lowered.get('x-compute-request-id')
    where = f'HTTP {status}' + (f', request {request_id}' if request_id else '')
    # A server's words for a URL that it does not know tell a user nothing.
    instead = _missing_addition(status, detail, url)
    hint = instead or _hint(kind, detail)
    error = kind(redact(f'{instead or detail + hint} ({where})'), code=status)
    error.status = status
    error.detail = detail
    error.hint = hint.lstrip('. ')
    error.method = method
    error.url = redact(url)
    error.request_id = request_id
    error.retry_after = lowered.get('retry-after')
    error.versions = _versions(parsed, detail)
    return error


def _sentence(parsed: object) -> str:
    """What a parsed error body says, in the service's own words."""
    if isinstance(parsed, str):
        return parsed.strip()
    if isinstance(parsed, list):
        return next((text for item in parsed if (text := _sentence(item))), '')
    if not isinstance(parsed, dict):
        return ''
    for key in ('error_message', 'detail', 'message', 'description', 'faultstring', 'title'):
        value = parsed.get(key)
        if value and isinstance(value, str):
            return value.strip()
        if isinstance(value, (dict, list)) and (text := _sentence(value)):
            return text
    for key in ('errors', 'error'):
        if isinstance(parsed.get(key), (dict, list, str)) and (text := _sentence(parsed[key])):
            return text
    return ''


def _plain(text: str) -> str:
    """A short text out of an answer that is not JSON, such as a proxy's page."""
    return ' '.join(re.sub(_TAGS, ' ', text).split())[:200]


def _hint(kind: type[HTTPError], detail: str) -> str:
    """What a user can do about it, where the service's sentence alone would not say."""
    stop = '' if detail.endswith(('.', '!')) else '.'
    if kind is Forbidden and re.match(_POLICY, detail):
        return (
            f'{stop} Your roles in this project do not permit this call, or the object '
            'belongs to another project.'
        )
    if kind is Unauthorized:
        return f'{stop} The token is missing, wrong or expired.'
    if kind is ServerError and detail == 'Internal Server Error':
        return (
            f'{stop} The service does not say why; its log does. Often it is a value that it '
            'cannot store, such as a long name, or a lease made with an application credential: '
            'Keystone lets those make no trust, which Blazar needs.'
        )
    return ''


#: A path -> what only Chameleon's Blazar has there.
_ADDITIONS = {
    r'/v1/devices(?![^/?])': 'Devices are',
    r'/v1/networks(?![^/?])': 'Networks that can be reserved are',
    r'/v1/os-hosts/[^/]+/allocation$': 'Moving reservations to other hosts is',
    r'/v1/leases/[^/]+/(devices|hosts|networks)$': 'Telling what a lease holds is',
}


def _missing_addition(status: int, detail: str, url: str) -> str:
    """That a service which lacks a call is none of Chameleon's."""
    found = [what for path, what in _ADDITIONS.items() if re.search(path, url)]
    if status not in (404, 405) or not found or not re.match(_NO_SUCH_CALL, detail):
        return ''
    return (
        f"{found[0]} an addition of Chameleon's Blazar, which this service does not have. "
        'A cloud that has it is chosen with OS_CLOUD, --os-cloud or the session.'
    )


def _versions(parsed: object, detail: str) -> tuple[str, str] | None:
    """The range of microversions in a 406, from the API-SIG's fields or Blazar's sentence."""
    if isinstance(parsed, dict) and isinstance(errors := parsed.get('errors'), list):
        for item in errors:
            if isinstance(item, dict):
                lowest, highest = str(item.get('min_version')), str(item.get('max_version'))
                if re.fullmatch(_NUMBER, lowest) and re.fullmatch(_NUMBER, highest):
                    return lowest, highest
    found = re.search(_RANGE, detail)
    return (found[1], found[2]) if found else None
