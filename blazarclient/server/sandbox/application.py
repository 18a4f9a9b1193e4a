"""The whole sandbox as one WSGI application: the reservation service and what is around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.http import http_date

from blazarclient.server.sandbox import control, faults, identity, surroundings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from blazarclient.server.sandbox.state import Clock, State

__all__ = ['build']


def build(state: State, service: WSGIApplication) -> WSGIApplication:
    """Put a reservation service into its surroundings.

    :param service: the application that answers all that the surroundings do not.
    """
    around = flask.Flask('sandbox', static_folder=None)
    around.extensions['sandbox'] = state
    blueprints = (
        control.blueprint,
        identity.blueprint,
        surroundings.compute,
        surroundings.network,
    )
    for blueprint in blueprints:
        around.register_blueprint(blueprint)
    services = _ByPath(service, dict.fromkeys(('compute', 'identity', 'network'), around))
    # The controls themselves work whatever is told to fail.
    faulty = faults.FaultyApplication(services, state.faults, state.stopping)
    return _Dated(_ByPath(faulty, {'sandbox': around}), state.clock)


class _ByPath:
    """Leaves some paths to other applications, by their first part."""

    def __init__(self, rest: WSGIApplication, others: dict[str, WSGIApplication]) -> None:
        self._rest = rest
        self._others = others

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        first = environ.get('PATH_INFO', '').lstrip('/').partition('/')[0]
        return self._others.get(first, self._rest)(environ, start_response)


class _Dated:
    """Dates answers by the sandbox's clock, where that is not everybody's.

    A client that waits for a lease sees that it cannot sleep by its own clock.
    """

    def __init__(self, application: WSGIApplication, clock: Clock) -> None:
        self._application = application
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def dated(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            if not self._clock.is_real:
                headers = [*headers, ('Date', http_date(self._clock.now()))]
            return start_response(status, headers, exc_info)

        return self._application(environ, dated)
