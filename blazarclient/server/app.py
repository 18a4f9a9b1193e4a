"""The WSGI application of the reservation API: who asks, versions, routes and errors.

What is wrong with a request is told in the order of a Blazar behind Keystone: no token (401), no
such URL or method (404, 405), no such microversion (400, 406), a body that cannot be read, and then
what the objects say.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import flask
from werkzeug import exceptions
from werkzeug.datastructures import Headers

from blazarclient.server import errors
from blazarclient.server.api import (
    availability,
    deliveries,
    feed,
    floatingips,
    forwarded_leases,
    forwarding,
    hosts,
    leases,
    microversions,
    notification_types,
    rest,
    subscriptions,
)
from blazarclient.server.api.rest import LONGEST_BODY, Identity
from blazarclient.server.backends.blazar.versions import described
from blazarclient.server.objects import releases

if TYPE_CHECKING:
    from blazarclient.server.backends.blazar.connections import Connections
    from blazarclient.server.config import Settings
    from blazarclient.server.objects.availability import Inventory
    from blazarclient.server.policy import Policy
    from blazarclient.server.store.database import Database

__all__ = ['LONGEST_BODY', 'Authenticate', 'Identity', 'create_app']

LOG = logging.getLogger(__name__)

#: Says who sends a request, by its headers; None for nobody.
Authenticate = Callable[[Headers], Identity | None]

_DISCOVERY = ('/', '/versions')
_WRITING = ('DELETE', 'PATCH', 'POST', 'PUT')
#: The codes of errors that are told before an object is asked, from microversion 1.1 on.
_CODES = {
    400: 'reservation.invalid-input',
    404: 'reservation.not-found',
    405: 'reservation.method-not-allowed',
    406: 'reservation.version-not-supported',
    413: 'reservation.body-too-long',
    415: 'reservation.unsupported-media-type',
}
_EVERY_METHOD = ['GET', 'HEAD', 'OPTIONS', *_WRITING]


def create_app(
    database: Database,
    policy: Policy,
    settings: Settings,
    authenticate: Authenticate,
    *,
    identity_url: str = '',
    blazar: Connections | None = None,
    inventory: Callable[[], Inventory] | None = None,
    wake: Callable[[], None] | None = None,
) -> flask.Flask:
    """Make the application.

    It answers nothing without a token. Another service that shares its address stands beside it,
    and takes the requests to its own paths.

    :param authenticate: says who sends a request.
    :param identity_url: where clients without a token are sent to, if anywhere.
    :param blazar: how the Blazar is reached that has the leases; None where this service has them.
    :param inventory: makes what lists the hosts of that Blazar, with the service's credentials.
    :param wake: called after a request that may have made something due.
    :raises blazarclient.server.errors.InvalidInput: for a pin that means nothing.
    """
    releases.pinned(settings.pin)
    app = flask.Flask(__name__, static_folder=None)
    # One more: of a body that came without its length only so much is read, and nothing is said.
    app.config['MAX_CONTENT_LENGTH'] = LONGEST_BODY + 1
    app.extensions['reservation'] = rest.Service(database, policy, settings)
    app.extensions['blazar'] = blazar
    app.extensions[availability.EXTENSION] = inventory

    def identify() -> flask.Response | None:
        flask.g.started = time.monotonic()
        flask.g.request_id = f'req-{uuid.uuid4()}'
        if (flask.request.content_length or 0) > LONGEST_BODY:
            raise exceptions.RequestEntityTooLarge
        flask.g.identity = authenticate(flask.request.headers)
        return _unauthorized(identity_url) if flask.g.identity is None else None

    def finish(response: flask.Response) -> flask.Response:
        if wake and flask.request.method in _WRITING and response.status_code < 400:
            wake()
        return _finish(response)

    app.before_request(identify)
    app.after_request(finish)
    app.register_error_handler(errors.ServiceError, rest.refuse)
    app.register_error_handler(exceptions.HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    for path in _DISCOVERY:
        app.add_url_rule(path, 'versions', _versions)
    app.add_url_rule('/v2', 'v2', _v2, methods=_EVERY_METHOD, provide_automatic_options=False)
    if blazar is not None:
        forwarding.set_up(app)
    app.register_blueprint(_version_1(in_front=blazar is not None))
    return app


def _version_1(*, in_front: bool) -> flask.Blueprint:
    v1 = flask.Blueprint('v1', __name__, url_prefix='/v1')
    v1.before_request(microversions.negotiate)
    v1.after_request(microversions.announce)
    kept = (forwarded_leases, forwarding) if in_front else (leases, hosts, floatingips)
    for part in (
        availability,
        *kept,
        feed,
        notification_types,
        subscriptions,
        deliveries,
    ):
        v1.register_blueprint(part.routes)
    return v1


# ------------------------------------------------------------------- versions


def _versions() -> flask.Response:
    root = flask.request.url_root
    versions = [
        {
            'id': 'v1.0',
            'status': 'CURRENT',
            'links': [{'href': f'{root}v1', 'rel': 'self'}],
            'min_version': microversions.OLDEST,
            **described(microversions.pin()),
        },
        {
            'id': 'v2.0',
            'status': 'DEPRECATED',
            'links': [{'href': f'{root}v2', 'rel': 'self'}],
        },
    ]
    return rest.answer({'versions': versions}, 300)


def _v2() -> flask.Response:
    """Version 2 is in Blazar's list of versions and has never been finished."""
    return _outside(405, 'Method Not Allowed', {'Allow': ''})


# --------------------------------------------------------------------- errors


def _unauthorized(identity_url: str) -> flask.Response:
    sentence = 'The request you have made requires authentication.'
    error = {'code': 401, 'title': 'Unauthorized', 'message': sentence}
    headers = {}
    if identity_url and flask.request.path not in _DISCOVERY:
        headers['WWW-Authenticate'] = f'Keystone uri="{identity_url}"'
    content: dict[str, object] = {'error': error}
    microversions.settle()
    if rest.is_modern():
        failure = rest.failure(401, 'reservation.unauthorized', sentence)
        content |= {
            'errors': [failure],
            'error_code': 401,
            'error_message': sentence,
            'error_name': 401,
        }
    return rest.answer(content, 401, headers)


def _http_error(error: exceptions.HTTPException) -> flask.Response:
    """What Flask says of a request, in the form that Blazar gives it."""
    if isinstance(error, exceptions.MethodNotAllowed):
        microversions.settle()
        if microversions.is_yet_to_come():
            error = exceptions.NotFound()
    status = error.code or 500
    if status == 404 and not flask.request.path.startswith('/v1'):
        return _outside(404, 'Not Found', {})
    headers = {}
    if isinstance(error, exceptions.MethodNotAllowed):
        headers['Allow'] = ', '.join(sorted(error.valid_methods or ()))
    content: dict[str, object] = {'error': status, 'error_message': error.description}
    # Flask finds no route before anybody asks for the microversion.
    microversions.settle()
    if not rest.is_modern() and status != 406:
        return rest.answer(content, status, headers)
    sentence = error.description or ''
    code = _CODES.get(status, errors.ServiceError.code)
    if status == 406:
        # Blazar's own words, and for programs what can be had.
        newest = microversions.newest()
        if newest != microversions.OLDEST:
            range_ = {'min_version': microversions.OLDEST, 'max_version': newest}
            content['errors'] = [rest.failure(status, code, sentence, **range_)]
        return rest.answer(content, status, headers)
    content = {
        'errors': [rest.failure(status, code, sentence)],
        'error_code': status,
        'error_message': sentence,
        'error_name': status,
    }
    return microversions.announce(rest.answer(content, status, headers))


def _outside(status: int, title: str, headers: dict[str, str]) -> flask.Response:
    """An error outside of version 1, which in Blazar another framework tells."""
    return rest.answer({'code': status, 'title': title, 'description': ''}, status, headers)


def _unexpected(error: Exception) -> flask.Response:
    LOG.error(
        '%s %a failed (%s)',
        flask.request.method,
        flask.request.path,
        flask.g.get('request_id'),
        exc_info=error,
    )
    return rest.refuse(errors.Unexpected())


def _finish(response: flask.Response) -> flask.Response:
    """Put the ID on the answer, and a line into the log."""
    request, identity = flask.request, flask.g.get('identity')
    if identity is not None and request.path.startswith('/v1'):
        response.headers['x-openstack-request-id'] = flask.g.request_id
    LOG.info(
        '%s %s %a %s %s bytes %.1f ms %s',
        identity.user_name or identity.user_id if identity else '-',
        request.method,
        request.path,
        response.status_code,
        response.content_length or 0,
        (time.monotonic() - flask.g.started) * 1000,
        flask.g.request_id,
    )
    return response
