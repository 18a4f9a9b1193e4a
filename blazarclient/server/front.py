"""Who answers a request where a Blazar has the leases: Blazar itself, or this service.

Microversion 1.0 is Blazar's, and so is what is not version 1 of the API. All else needs a token
that Keystone vouches for before anything is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug import exceptions

from blazarclient.server.api import microversions
from blazarclient.server.backends.blazar import wire
from blazarclient.server.objects import releases

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ['Front']


class Front:
    """A WSGI application that hands requests on.

    :param pass_through: answers what is Blazar's.
    :param service: answers what is this service's, behind Keystone.
    :param pin: ``[upgrade] pin``.
    """

    def __init__(
        self, pass_through: WSGIApplication, service: WSGIApplication, *, pin: str | None = None
    ) -> None:
        self._pass_through, self._service = pass_through, service
        self._newest = releases.newest(pin)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._is_blazars(environ):
            return self._pass_through(environ, start_response)
        wire.keep_headers(environ)
        return self._service(environ, start_response)

    def _is_blazars(self, environ: WSGIEnvironment) -> bool:
        header = environ.get('HTTP_OPENSTACK_API_VERSION')
        path = environ.get('PATH_INFO', '')
        if not header or not (path == '/v1' or path.startswith(('/v1/', '/v1.'))):
            return True
        try:
            return microversions.choose(header, self._newest) == microversions.OLDEST
        except exceptions.HTTPException:
            # It is told so in the form of the microversions that are there.
            return False
