"""Who gets which host and which address.

Pure functions of what there is and what is held: no database, no clock. In every one of them
``held`` is what overlaps ``period``, the period that is asked for together with the cleaning time
before and after it; what does not overlap it is passed over. Periods are half-open: a host that
is given back at 12:00 can be held from 12:00 on.
"""

from __future__ import annotations

from blazarclient.server.backends.embedded.rules.availability import Window, windows
from blazarclient.server.backends.embedded.rules.floatingips import floatingips_for
from blazarclient.server.backends.embedded.rules.hosts import hosts_for
from blazarclient.server.backends.embedded.rules.instances import (
    flavor_slots_for,
    flavor_usage,
    instance_usage,
    instances_for,
)
from blazarclient.server.backends.embedded.rules.views import Held, HostView, Period

__all__ = [
    'Held',
    'HostView',
    'Period',
    'Window',
    'flavor_slots_for',
    'flavor_usage',
    'floatingips_for',
    'hosts_for',
    'instance_usage',
    'instances_for',
    'windows',
]
