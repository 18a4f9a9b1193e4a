"""A session's token, kept between requests.

keystoneauth1 parses the token's expiry twice for every request, which is a twentieth of what a
request costs. Here it is asked once a minute, and whenever the service has refused the token.
"""

from __future__ import annotations

import time
from typing import Any

__all__ = ['Token']

#: Seconds that a token is used for without asking keystoneauth1 again, and that are kept free
#: before its end, so that none expires on the way.
KEPT, MARGIN = 60.0, 90.0


class Token:
    """The headers that authenticate a request.

    :param session: a keystoneauth1 Session or Adapter; with anything else :meth:`headers` gives
        None, and the session authenticates its requests itself.
    :param auth: a plugin in place of the session's own.
    """

    def __init__(self, session: Any, auth: Any) -> None:
        self._session = session
        self._auth = auth
        self._kept: tuple[Any, dict[str, str], float] | None = None

    def headers(self) -> dict[str, str] | None:
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

    def refused(self) -> bool:
        """Forget the token that the service refused; whether a new one can be had."""
        self._kept = None
        return bool(self._session.invalidate(self._auth))
