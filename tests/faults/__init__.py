"""Workers that are killed, stopped and continued, and processes that all want the same.

``make test`` runs these at a reduced size, which takes about a minute. At full size (20 kills
among 2,000 events, 5 workers stopped past their deadline; four processes with 1,500 requests
each)::

    BLAZARCLIENT_FAULTS=full .venv/bin/python -m pytest tests/faults

Each test runs on a file of SQLite, and on MariaDB where ``mariadbd`` is installed: it starts one
of its own. Nothing leaves the machine, and every process that is started is ended by its number.
"""

from __future__ import annotations

import os

__all__ = ['FULL']

#: Whether to run at full size.
FULL = os.environ.get('BLAZARCLIENT_FAULTS') == 'full'
