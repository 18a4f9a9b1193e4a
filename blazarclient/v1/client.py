"""The client under the import path of python-blazarclient 4."""

from __future__ import annotations

from typing import Any

from blazarclient import client

__all__ = ['Client']


class Client(client.Client):
    """The same client; URL and token come first here."""

    def __init__(
        self,
        blazar_url: str | None = None,
        auth_token: str | None = None,
        session: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(blazar_url=blazar_url, auth_token=auth_token, session=session, **kwargs)
