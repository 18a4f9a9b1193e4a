"""``/healthz`` and ``/metrics``: whether a process is well, and what it does.

Nobody is asked for a token, and nothing is told of projects, leases or URLs. Both are answered
before anything else looks at a request.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from blazarclient.server import errors, metrics
from blazarclient.server.parts import Running, context_factory
from blazarclient.server.store import backlog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from blazarclient.server.api.rest import Service

__all__ = ['Health', 'Watched']

LOG = logging.getLogger(__name__)

_HEALTH, _METRICS = '/healthz', '/metrics'
_STATUS = {
    200: '200 OK',
    404: '404 Not Found',
    405: '405 Method Not Allowed',
    503: '503 Service Unavailable',
}
_WITHOUT_DATABASE = (SQLAlchemyError, errors.ServiceError)


class Health:
    """What is known of one process.

    :param running: the parts of the process, if it has any.
    """

    def __init__(self, service: Service, running: Running | None = None) -> None:
        self._service = service
        self._running = running
        self._contexts = context_factory(service)

    def troubles(self) -> Mapping[str, str | None]:
        """What is wrong with each thing that is looked at; None where nothing is."""
        return {
            **self._of_the_database(),
            **(self._running.troubles() if self._running else {}),
        }

    def _of_the_database(self) -> dict[str, str | None]:
        try:
            tables = _trouble_of_tables(self._service)
        except _WITHOUT_DATABASE:
            LOG.warning('The database does not answer', exc_info=True)
            return {'database': 'It does not answer.'}
        return {'database': None, 'tables': tables}

    def gauges(self) -> Mapping[str, tuple[str, float]]:
        """What is measured now, for :func:`~blazarclient.server.metrics.render`."""
        troubles = self.troubles()
        found = {
            'healthy': (
                'Whether all is well with this process (1), as /healthz tells.',
                float(not any(troubles.values())),
            )
        }
        try:
            ctx = self._contexts()
            with ctx.transaction(write=False) as connection:
                measured = backlog.measure(connection, ctx.now())
        except _WITHOUT_DATABASE:
            # What was counted can be told all the same.
            return found
        return {
            **found,
            'deliveries_queued': ('Deliveries that are not over.', measured.queued),
            'log_unsorted': (
                'Notifications of which it is not worked out yet who is sent them.',
                measured.unsorted,
            ),
            'log_lag_seconds': (
                'Age of the oldest notification of which it is not worked out yet who is sent it.',
                measured.unsorted_seconds,
            ),
            'due_lag_seconds': (
                'Seconds for which the oldest delivery that nothing is in the way of is due.',
                measured.due_seconds,
            ),
        }


class Watched:
    """An application that also answers ``/healthz`` and ``/metrics``.

    :param application: answers all else; without one there is nothing else.
    """

    def __init__(self, health: Health, application: WSGIApplication | None = None) -> None:
        self._health = health
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get('PATH_INFO', '')
        if path not in {_HEALTH, _METRICS}:
            if self._application is not None:
                return self._application(environ, start_response)
            return _answer(environ, start_response, 404, 'text/plain', b'')
        if environ['REQUEST_METHOD'] not in {'GET', 'HEAD'}:
            return _answer(environ, start_response, 405, 'text/plain', b'')
        if path == _METRICS:
            text = metrics.render(self._health.gauges())
            return _answer(environ, start_response, 200, metrics.CONTENT_TYPE, text)
        troubles = self._health.troubles()
        is_well = not any(troubles.values())
        content = {
            'status': 'ok' if is_well else 'failing',
            'parts': {name: trouble or 'ok' for name, trouble in troubles.items()},
        }
        body = json.dumps(content).encode()
        return _answer(environ, start_response, 200 if is_well else 503, 'application/json', body)


def _answer(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: int,
    content_type: str,
    body: bytes,
) -> Iterable[bytes]:
    headers = [('Content-Type', content_type), ('Content-Length', str(len(body)))]
    if status == 405:
        headers.append(('Allow', 'GET, HEAD'))
    start_response(_STATUS[status], [*headers, ('Cache-Control', 'no-store')])
    return [] if environ['REQUEST_METHOD'] == 'HEAD' else [body]


def _trouble_of_tables(service: Service) -> str | None:
    """Whether the tables are those that this release wants, or newer ones."""
    revision = service.database.revision()
    newest, *older = service.database.revisions()
    # One that is not known is of a newer release, which leaves to this one what it needs.
    if revision is not None and revision not in older:
        return None
    return f'They are at revision {revision}, and not {newest}: run "blazar-gateway db upgrade".'
