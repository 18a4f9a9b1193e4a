"""How ``blazar-gateway`` writes its log: lines for people, or one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import time

import flask

__all__ = ['begin', 'tell']

_NAME = 'blazar-gateway'
#: Loggers whose everyday news says nothing.
_QUIET = {
    # Each look at the revision of the tables.
    'alembic': logging.WARNING,
    # How many requests wait in each busy moment.
    'waitress.queue': logging.ERROR,
}
_TEXT = '%(asctime)s %(process)d %(levelname)s %(name)s %(message)s'


def begin(*, form: str, debug: bool) -> None:
    """Write the log to stderr from now on.

    With ``debug`` this package tells everything. Libraries do not: on their lowest level some tell
    the paths and headers of requests, and these may be secret.

    :param form: ``text`` or ``json``.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(Lines() if form == 'json' else logging.Formatter(_TEXT))
    logging.basicConfig(handlers=[handler], level=logging.INFO if debug else logging.WARNING)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    if debug:
        logging.getLogger('blazarclient').setLevel(logging.DEBUG)


def tell(sentence: str) -> None:
    """Tell whoever has started the process, whatever the level of the log; in its form."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, Lines):
            handler.handle(
                logging.LogRecord(_NAME, logging.INFO, __file__, 0, sentence, None, None)
            )
            return
    sys.stderr.write(f'{_NAME}: {sentence}\n')
    sys.stderr.flush()


class Lines(logging.Formatter):
    """Each record as a JSON object on a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))
        line: dict[str, object] = {
            'time': f'{moment}.{int(record.msecs):03d}Z',
            'level': record.levelname,
            'logger': record.name,
            'process': record.process,
            'thread': record.threadName,
            'message': record.getMessage(),
        }
        request_id = flask.g.get('request_id') if flask.has_app_context() else None
        if request_id:
            line['request_id'] = request_id
        if record.exc_info:
            line['traceback'] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
