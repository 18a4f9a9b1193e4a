"""The application for WSGI servers: ``blazarclient.server.wsgi:application``.

waitress, gunicorn and uWSGI load it by that name; ``BLAZAR_GATEWAY_CONF`` names the file with the
options. uWSGI needs ``enable-threads``, as any application of Python does that has threads.
"""

from __future__ import annotations

import importlib

from blazarclient.server.service import Application, configured, make_application

__all__ = ['application']


def _made() -> Application:
    made = make_application(configured())
    try:
        uwsgi: object = importlib.import_module('uwsgi')
    except ImportError:
        return made
    if uwsgi.worker_id() == 0:  # type: ignore[attr-defined]
        # Python does not hear of the forks of uWSGI: nothing may be open when it forks.
        made.close()
        uwsgi.post_fork_hook = made.begin  # type: ignore[attr-defined]
    return made


application = _made()
