"""Whether somebody has appended to the log: cheap enough to be asked all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import exc

if TYPE_CHECKING:
    from blazarclient.server.store.database import Database

__all__ = ['LogWatch']

_QUERY = 'SELECT fanned_out, sequence FROM log_head'


class LogWatch:
    """Looks at the head of the log, over a connection that it keeps.

    It is used by one thread. A transaction of its own for each look would cost ten times as much.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: Any = None

    def has_news(self) -> bool:
        """Whether there are entries that are not handed out yet.

        Also True when the database does not answer: whoever goes on will hear what is wrong.
        """
        if self._database.in_memory:
            # Nobody else could write there, and this process has a bell.
            return False
        try:
            if self._kept is None:
                self._kept = self._connect()
            cursor = self._kept.cursor()
            try:
                cursor.execute(_QUERY)
                reached, head = cursor.fetchone()
            finally:
                cursor.close()
        except (exc.SQLAlchemyError, self._database.engine.dialect.loaded_dbapi.Error):
            self.close()
            return True
        return bool(head > reached)

    def close(self) -> None:
        """Leave the database."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _connect(self) -> Any:
        """A connection without transactions, which the pool does not know."""
        connection = self._database.engine.raw_connection()
        plain: Any = connection.driver_connection
        connection.detach()
        if not self._database.is_sqlite:
            plain.autocommit(True)
        return plain
