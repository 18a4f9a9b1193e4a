"""Plugin for OpenStackClient: makes the client of the ``openstack reservation`` commands.

OpenStackClient loads this module at every start, whatever the command, so it imports
nothing that OpenStackClient does not load itself.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = [
    'API_NAME',
    'API_VERSIONS',
    'API_VERSION_OPTION',
    'DEFAULT_API_VERSION',
    'build_option_parser',
    'given',
    'make_client',
    'requested_version',
]

#: Name of the service in ``app.client_manager``.
API_NAME = 'reservation'

DEFAULT_API_VERSION = '1'

#: No such option exists, and that is on purpose. OpenStackClient builds the name of the command
#: group (``openstack.reservation.v1``) from this option's value: with the real option here,
#: ``latest``, ``2026.1`` or a typing error would make every command vanish. The
#: real one, ``--os-reservation-api-version``, is read by make_client.
API_VERSION_OPTION = 'os_reservation_command_group'

#: For programs that look here as they do in other plugins; OpenStackClient compares the
#: keys with :data:`DEFAULT_API_VERSION`.
API_VERSIONS = {'1': 'blazarclient.client.Client'}

_OPTION = '--os-reservation-api-version'
_VARIABLE = 'OS_RESERVATION_API_VERSION'


class _Setting(str):
    """A value that knows where the user gave it, also after the way through the cloud config."""

    __slots__ = ('source',)
    source: str

    @classmethod
    def of(cls, text: str, source: str) -> _Setting:
        setting = cls(text)
        setting.source = source
        return setting

    def format(self, *_args: object, **_values: object) -> _Setting:
        # openstacksdk expands {names} in every value; in this one a brace is an error to report.
        return self


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add ``--os-reservation-api-version`` to the options of ``openstack`` or ``blazar``."""
    found = os.environ.get(_VARIABLE)
    parser.add_argument(
        _OPTION,
        metavar='<reservation-api-version>',
        type=given,
        default=_Setting.of(found, _VARIABLE) if found else None,
        help='Reservation API version: 1 or latest (the default) for the best one that the '
        'server has, a microversion such as 1.0, or the name of an OpenStack release '
        f'such as 2026.1 (Env: {_VARIABLE})',
    )
    return parser


def given(text: str) -> str:
    """A value of the option that errors can name the option with."""
    # argparse also sends the default through here.
    return text if isinstance(text, _Setting) else _Setting.of(text, _OPTION)


def requested_version(config: Mapping[str, Any]) -> tuple[str | None, str]:
    """The API version that the user asked for, and the name of the place where.

    An option goes before the environment, and both before clouds.yaml. There
    ``reservation_default_microversion`` goes before ``reservation_api_version``, which
    often only says ``1``.

    :param config: the configuration of one cloud, options merged in.
    """
    version = config.get('reservation_api_version')
    if isinstance(version, _Setting):
        return str(version), version.source
    for key in ('reservation_default_microversion', 'reservation_api_version'):
        if config.get(key) not in (None, ''):
            return str(config[key]), f'{key} in clouds.yaml'
    return None, ''


def make_client(instance: Any) -> Client:
    """Make the client for ``app.client_manager.reservation``, without any request.

    :param instance: OpenStackClient's client manager: ``session``, ``region_name``,
        ``interface``, ``get_configuration()``.
    :raises blazarclient.exception.UnsupportedVersion: for an API version that is none.
    """
    import atexit
    import gc

    from blazarclient.client import Client
    from blazarclient.transport import TIMEOUT

    # When the process ends, looking for garbage among all that was imported would take a fifth
    # of the CPU time of a short command.
    atexit.register(gc.freeze)
    config = instance.get_configuration()
    version, source = requested_version(config)
    timeout = None
    if instance.session.timeout is None:
        # For the log-in, which waits for ever otherwise; keystoneauth1 knows only one number.
        instance.session.timeout = max(TIMEOUT)
        timeout = TIMEOUT
    return Client(
        session=instance.session,
        service_type=config.get('reservation_service_type') or API_NAME,
        service_name=config.get('reservation_service_name'),
        interface=config.get('reservation_interface') or instance.interface or None,
        region_name=config.get('reservation_region_name') or instance.region_name or None,
        endpoint_override=config.get('reservation_endpoint_override'),
        api_version=version,
        api_version_source=source,
        timeout=timeout,
    )
