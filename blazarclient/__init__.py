"""Client and SDK for the OpenStack Reservation service (Blazar).

::

    import blazarclient

    client = blazarclient.Client(session=session)      # a keystoneauth1 session
    for lease in client.leases.list():
        print(lease.name, lease.end_date)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blazarclient.client import Client as Client
    from blazarclient.exception import BlazarClientException as BlazarClientException

__version__ = '5.0.0'

__all__ = ['BlazarClientException', 'Client', '__version__']

# Loaded when asked for: this package is imported at every start of `openstack`,
# whatever the command, and must cost nothing there.
_HOME = {'BlazarClientException': 'blazarclient.exception', 'Client': 'blazarclient.client'}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
