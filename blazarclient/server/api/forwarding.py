"""What is Blazar's, from microversion 1.1 on: asked as 1.0 with the user's own token."""

from __future__ import annotations

import http
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import flask
from werkzeug import exceptions
from werkzeug.routing import BaseConverter

from blazarclient.server import errors
from blazarclient.server.api import microversions, rest, statuses
from blazarclient.server.backends.blazar import modern, wire
from blazarclient.server.backends.blazar.connections import (
    Answer,
    Away,
    Connections,
    Gone,
    Malformed,
    Request,
)
from blazarclient.server.backends.blazar.pass_through import SILENCE, TARDY, answer_headers

__all__ = [
    'LONGEST',
    'NO_JSON',
    'ask',
    'content',
    'lease_exists',
    'refused',
    'relayed',
    'routes',
    'set_up',
]

LOG = logging.getLogger(__name__)

NO_JSON = 'The reservation service behind this gateway has answered something else than JSON.'
#: Bytes of the longest answer that is read as a whole.
LONGEST = 1024 * 1024
_EVERY_METHOD = ('DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT')
#: Said to Blazar by this service: what it speaks, and that nothing is to be compressed.
_NOT_FORWARDED = frozenset({'accept-encoding', 'content-type', 'openstack-api-version'})
#: Said by this service of its own answer.
_NOT_RELAYED = frozenset(
    {
        'content-length',
        'content-type',
        'date',
        'openstack-api-version',
        'server',
        'vary',
        'x-openstack-request-id',
    }
)
_STATUSES = frozenset(each.value for each in http.HTTPStatus)
_REQUEST_ID = 'x-openstack-request-id'
_POLICY = re.compile(r"Policy doesn't allow (blazar:leases:\w+) to be performed")

routes = flask.Blueprint('forwarding', __name__)


class _Blazars(BaseConverter):
    """A path that is not this service's own."""

    part_isolating = False
    regex = r'(?!(?:availability|notification-types|notifications|subscriptions)(?:[./]|$)).+'


def set_up(app: flask.Flask) -> None:
    """Let an application know paths that are Blazar's; before its routes are."""
    app.url_map.converters['blazars'] = _Blazars
    app.extensions['lease_exists'] = lease_exists


@routes.route('/<blazars:path>', methods=_EVERY_METHOD, provide_automatic_options=False)
def forward(path: str) -> flask.Response:
    # For the 401 and the log; who may do what, Blazar knows.
    rest.context()
    return relayed(ask())


def ask(method: str | None = None, path: str | None = None, body: bytes | None = None) -> Answer:
    """Ask Blazar; whoever asks closes the answer.

    :param method: by default that of the request that is being answered.
    :param path: below ``/v1``; by default the target of that request, as it travelled.
    :param body: by default that of that request, where it is asked as it is.
    :raises blazarclient.server.errors.BadGateway: it does not answer.
    """
    environ = flask.request.environ
    connections: Connections = flask.current_app.extensions['blazar']
    request = wire.request({**environ, 'CONTENT_LENGTH': ''}, connections.base, connections.host)
    headers = [each for each in request.headers if each[0].lower() not in _NOT_FORWARDED]
    headers.append((microversions.HEADER, f'{microversions.SERVICE} {microversions.OLDEST}'))
    if all(name.lower() != _REQUEST_ID for name, _ in headers):
        # So that one finds in its log what belongs together.
        headers.append((_REQUEST_ID, flask.g.request_id))
    if method is None:
        body = flask.request.get_data(cache=False)
        if len(body) > rest.LONGEST_BODY:
            raise exceptions.RequestEntityTooLarge
    if body:
        kind = 'application/json' if method else flask.request.content_type
        headers += [('Content-Type', kind)] if kind else []
    request = Request(
        method or request.method,
        request.target if path is None else f'{connections.base}/v1{path}',
        headers,
        [body] if body else (),
        len(body or b''),
        says_length=(method or request.method) in ('PATCH', 'POST', 'PUT'),
    )
    try:
        return connections.send(request, wire.client_has_gone(environ))
    except Gone:
        raise errors.BadGateway(TARDY, status=504) from None
    except Malformed as error:
        raise exceptions.BadRequest(f'{error}.') from None
    except Away as error:
        raise _away(error) from error


def relayed(answer: Answer) -> flask.Response:
    """An answer of Blazar in the form of 1.1."""
    if answer.status >= 400:
        return refused(answer)
    if flask.request.method == 'HEAD' or answer.status == 204:
        answer.close()
        return _response(answer, b'')
    return streamed(answer, modern.with_zones(answer.parts()))


def streamed(answer: Answer, parts: Iterable[bytes]) -> flask.Response:
    """An answer whose body is rewritten while it arrives; a short one is told with its length.

    :raises blazarclient.server.errors.BadGateway: it is no JSON.
    """
    if not _is_json(answer):
        answer.close()
        raise errors.BadGateway(NO_JSON)
    lengths = [value for name, value in answer.headers if name.lower() == 'content-length']
    if lengths and lengths[0].isdecimal() and int(lengths[0]) < LONGEST:
        try:
            return _response(answer, b''.join(parts))
        except Away as error:
            raise _away(error) from error
        finally:
            answer.close()
    response = _response(answer, _complete(parts))
    response.call_on_close(answer.close)
    return response


def content(answer: Answer) -> Any:
    """What an answer that is no error says.

    :raises blazarclient.server.errors.BadGateway: it says nothing that can be read.
    """
    try:
        text = b''.join(answer.parts())
        return json.loads(text)
    except Away as error:
        raise _away(error) from error
    except ValueError:
        raise errors.BadGateway(NO_JSON) from None
    finally:
        answer.close()


def refused(answer: Answer) -> flask.Response:
    """An error of Blazar, in the form of 1.1."""
    sentence = _sentence(answer)
    status, code = statuses.status_of(answer.status, sentence, flask.request.method)
    if status == 403 and _is_foreign(sentence):
        status, code = 404, errors.NotFound.code
        sentence = f"Object with {{'lease_id': {flask.request.path.split('/')[3]!r}}} not found"
    elif status == 403 and sentence.startswith("Policy doesn't allow "):
        code = errors.PolicyForbidden.code
    if status not in _STATUSES:
        status = 502
    error = errors.ServiceError(sentence, status=status, code=code or _CODES.get(status))
    response = rest.refusal(error)
    for name, value in _kept(answer):
        response.headers.add(name, value)
    return response


#: The codes of errors of Blazar that have no other.
_CODES: Mapping[int, str] = {
    400: errors.InvalidInput.code,
    401: 'reservation.unauthorized',
    403: errors.Forbidden.code,
    404: errors.NotFound.code,
    405: 'reservation.method-not-allowed',
    409: errors.Conflict.code,
    413: 'reservation.body-too-long',
    429: errors.TooManyRequests.code,
    502: errors.BadGateway.code,
    503: errors.Busy.code,
    504: errors.BadGateway.code,
}


def lease_exists(lease_id: str) -> bool:
    """Whether Blazar shows a lease to who sends the request that is being answered."""
    if not _ID.fullmatch(lease_id):
        return False
    answer = ask('GET', f'/leases/{lease_id}')
    answer.close()
    return answer.status == 200


_ID = re.compile(r'[0-9A-Za-z_-]{1,64}')


def _is_json(answer: Answer) -> bool:
    return any(
        name.lower() == 'content-type' and value.lower().startswith('application/json')
        for name, value in answer.headers
    )


def _kept(answer: Answer) -> Sequence[tuple[str, str]]:
    return [each for each in answer_headers(answer) if each[0].lower() not in _NOT_RELAYED]


def _response(answer: Answer, body: bytes | Iterator[bytes]) -> flask.Response:
    response = flask.Response(body, answer.status, mimetype='application/json')
    for name, value in _kept(answer):
        response.headers.add(name, value)
    if flask.request.method == 'HEAD' or answer.status == 204:
        response.headers.pop('Content-Length', None)
    return response


def _complete(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts; an end that comes too early is logged, and cuts the answer."""
    try:
        yield from parts
    except Away as error:
        LOG.warning('Blazar: %s', error)
        raise


def _sentence(answer: Answer) -> str:
    """What an error says, in each of the forms that there are in Blazar."""
    text = b''
    try:
        for part in answer.parts():
            text += part
            if len(text) > LONGEST:
                break
        said = json.loads(text)
    except (Away, ValueError, RecursionError):
        said = None
    finally:
        answer.close()
    if isinstance(said, dict):
        for each in (said, said.get('error')):
            if isinstance(each, dict):
                for name in ('error_message', 'message', 'description', 'title'):
                    if isinstance(each.get(name), str) and each[name]:
                        return str(each[name])
    return answer.reason or 'Blazar refuses without a word.'


def _is_foreign(sentence: str) -> bool:
    """Whether a refusal says that a lease is another project's; at 1.1 there is none then."""
    found = _POLICY.fullmatch(sentence.strip().rstrip('.'))
    parts = flask.request.path.split('/')
    if not found or len(parts) != 4 or parts[2] != 'leases':
        return False
    ctx = rest.context()
    own = {'project_id': ctx.project_id, 'user_id': ctx.user_id}
    # Whoever may not even see the leases of the own project is told so.
    return ctx.may(found.group(1), own)


def _away(error: Away) -> errors.BadGateway:
    LOG.warning('Blazar: %s', error)
    if error.timed_out:
        return errors.BadGateway(TARDY, status=504)
    return errors.BadGateway(SILENCE)
