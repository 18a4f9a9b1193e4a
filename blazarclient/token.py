"""A session's token, kept between requests.

keystoneauth1 parses the token's expiry twice for every request, which is a twentieth of what a
request costs. Here it is asked once a minute, and whenever the service has refused the token.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from blazarclient.answers import close

__all__ = ['Token']

#: Seconds that a token is used for without asking keystoneauth1 again, and that are kept free
#: before its end, so that none expires on the way.
KEPT, MARGIN = 60.0, 90.0


class Token:
    """The headers that authenticate a request.

    :param session: a keystoneauth1 Session or Adapter; anything else authenticates its requests
        itself.
    :param auth: a plugin in place of the session's own.
    """

    def __init__(self, session: Any, auth: Any) -> None:
        self._session = session
        self._auth = auth
        self._kept: tuple[Any, dict[str, str], float] | None = None
        self._lock = threading.Lock()

    def request(self, url: str, method: str, kwargs: dict[str, Any]) -> Any:
        """Send with the token, and once more with a new one when the service refuses it."""
        token = self._headers()
        if token is None:
            return self._session.request(url, method, **kwargs)
        headers = kwargs['headers']
        kwargs['authenticated'] = False
        response = self._session.request(url, method, **{**kwargs, 'headers': {**headers, **token}})
        if response.status_code == 401:
            close(response)
            token = self._another(token)
            response = self._session.request(
                url, method, **{**kwargs, 'headers': {**headers, **token}}
            )
        return response

    def _headers(self) -> dict[str, str] | None:
        """The headers with a valid token; None to leave it to the session.

        :raises keystoneauth1.exceptions.ClientException: when Keystone gives none.
        """
        plugin = self._auth or getattr(self._session, 'auth', None)
        if plugin is None or not hasattr(plugin, 'get_access'):
            return None
        kept = self._kept
        if kept is not None and kept[0] is plugin and time.time() < kept[2]:
            return kept[1]
        found: dict[str, str] | None = self._session.get_auth_headers(self._auth)
        if not found:
            return None
        left = plugin.get_access(self._session).expires.timestamp() - time.time()
        if left > MARGIN:
            self._kept = (plugin, found, time.time() + min(KEPT, left - MARGIN))
        return found

    def _another(self, refused: dict[str, str]) -> dict[str, str]:
        """The headers with another token than the one that the service refused."""
        # keystoneauth1 tells all threads but one that they cannot have another: the first has
        # thrown the old one away, and they find none.
        with self._lock:
            kept = self._kept
            if kept is not None and kept[1] != refused:
                return kept[1]
            self._kept = None
            self._session.invalidate(self._auth)
            return self._headers() or {}
