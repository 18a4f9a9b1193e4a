"""The client: one object that holds the collections, over one transport."""

from __future__ import annotations

import copy
from typing import Any

from blazarclient import chameleon, endpoint, exception, managers, transport, versions
from blazarclient.model import Resource
from blazarclient.resources.allocation import Allocations
from blazarclient.resources.device import Devices
from blazarclient.resources.floatingip import FloatingIPs
from blazarclient.resources.host import Hosts
from blazarclient.resources.lease import Leases
from blazarclient.resources.network import Networks
from blazarclient.resources.notification import Notifications
from blazarclient.resources.property import ResourceProperties
from blazarclient.resources.subscription import Subscriptions

__all__ = ['Client']

#: What python-blazarclient 4 knows of keystoneauth1's Adapter and this client has no use for.
_IGNORED = (
    *('allow', 'allow_version_hack', 'client_name', 'client_version', 'concurrency'),
    *('connect_retry_delay', 'logger', 'max_version', 'min_version', 'raise_exc', 'rate_limit'),
    *('rate_semaphore', 'retriable_status_codes', 'status_code_retries'),
    *('status_code_retry_delay', 'version'),
)


class Client:
    """A client of the Reservation service.

    :param version: the API's major version: 1.
    :param service_type: what the catalog calls the service.
    :param blazar_url: the service's address, for use with ``auth_token`` in place of a session.
    :param auth_token: a token of Keystone.
    :param session: a keystoneauth1 Session or Adapter, or anything with its ``request``.
    :param interface: ``public``, ``internal`` or ``admin``.
    :param region_name: the region to look for in the catalog.
    :param endpoint_override: the service's address, in place of the catalog's.
    :param api_version: a microversion (``1.0``) or a release name to pin; None, ``1`` and
        ``latest`` speak the best one in common with the server.
    :param api_version_source: where ``api_version`` comes from, for errors.
    :param connect_retries: how often a request is repeated that may be repeated.
    :param timeout: seconds for the connection and between pieces of an answer, or a pair of
        both.
    :param auth: a keystoneauth1 plugin in place of the session's own.
    :raises blazarclient.exception.UnsupportedVersion: for another ``version``, or an unknown
        ``api_version``.
    :raises blazarclient.exception.InsufficientAuthInformation: without session, and without
        URL and token.
    """

    version = '1'
    #: As in python-blazarclient 4; they speak 1.0, whatever is pinned.
    lease: managers.LeaseManager
    host: managers.HostManager
    floatingip: managers.FloatingIPManager
    allocation: managers.AllocationManager
    #: As in Chameleon's python-blazarclient.
    device: chameleon.DeviceManager
    network: chameleon.NetworkManager

    def __init__(
        self,
        version: str | float = 1,
        service_type: str | None = 'reservation',
        blazar_url: str | None = None,
        auth_token: str | None = None,
        session: transport.Session | None = None,
        *,
        interface: str | None = None,
        region_name: str | None = None,
        endpoint_override: str | None = None,
        service_name: str | None = None,
        api_version: str | float | None = None,
        api_version_source: str = 'api_version',
        default_microversion: str | None = None,
        connect_retries: int | None = None,
        timeout: float | tuple[float, float] | None = None,
        auth: Any = None,
        user_agent: str | None = None,
        additional_headers: dict[str, str] | None = None,
        global_request_id: str | None = None,
        **ignored: object,
    ) -> None:
        if str(version) not in ('1', '1a0'):
            raise exception.UnsupportedVersion(
                f'{version!r} is not a version of this client: expected 1. A microversion goes '
                'into api_version.'
            )
        unknown = sorted(ignored.keys() - set(_IGNORED))
        if unknown:
            raise TypeError(f'Client() got an unexpected keyword argument {unknown[0]!r}')
        self.blazar_url = blazar_url
        self.auth_token = auth_token
        self.session = session
        if session is None:
            session, endpoint_override = self._plain(blazar_url, auth_token, endpoint_override)
        headers = dict(additional_headers or {})
        if global_request_id:
            headers['X-OpenStack-Request-ID'] = global_request_id
        self.transport = transport.Transport(
            session,
            endpoint_filter={
                'service_type': service_type or 'reservation',
                'service_name': service_name,
                'interface': interface,
                'region_name': region_name,
            },
            endpoint_override=endpoint_override,
            auth=auth,
            pin=self._pin(session, api_version, api_version_source, default_microversion),
            timeout=timeout,
            retries=connect_retries,
            headers=headers,
            user_agent=user_agent or transport.USER_AGENT,
        )
        _teach_yaml()
        self._fill()
        # Programs for python-blazarclient 4 read times in Blazar's forms, whatever else the
        # service can write.
        known = copy.copy(self)
        known.transport = self.transport.at_oldest('the managers of python-blazarclient 4')
        known._fill()
        for client in (self, known):
            client.lease = managers.LeaseManager(known)
            client.host = managers.HostManager(known)
            client.floatingip = managers.FloatingIPManager(known)
            client.allocation = managers.AllocationManager(known)
            client.device = chameleon.DeviceManager(known)
            client.network = chameleon.NetworkManager(known)

    def _fill(self) -> None:
        """Make the collections, which send by this client's transport."""
        self.leases = Leases(self)
        self.hosts = Hosts(self)
        self.properties = ResourceProperties(self)
        self.floatingips = FloatingIPs(self)
        self.allocations = Allocations(self)
        self.subscriptions = Subscriptions(self)
        self.notifications = Notifications(self)
        # Chameleon's.
        self.devices = Devices(self)
        self.networks = Networks(self)

    def api_versions(self) -> dict[str, Any]:
        """What the service and this client speak; asks the service for its list of versions.

        :returns: ``server`` and ``client``, the microversions from the oldest to the newest;
            ``spoken`` and ``reason``, the one in use and why; and ``objects``, the version of
            each object at the one in use, where the service says so.
        """
        about = self._about()
        lowest, highest = (str(about.get(f'{which}_version') or '1.0') for which in ('min', 'max'))
        known = self.transport.negotiation
        known.refused((lowest, highest), '')
        spoken = known.spoken
        at = str(spoken.version) if spoken else ''
        return {
            'server': f'{lowest} to {highest}',
            'client': f'{known.oldest} to {known.newest}',
            'spoken': at or None,
            'reason': spoken.reason if spoken else 'the server and this client have none in common',
            'objects': (about.get('object_versions') or {}).get(at),
        }

    def _about(self) -> dict[str, Any]:
        """What the service says of version 1 of its API."""
        body = self.transport.root().json()
        found = body.get('versions') if isinstance(body, dict) else None
        return next((each for each in found or () if str(each.get('id')).startswith('v1')), {})

    @staticmethod
    def _plain(
        url: str | None, token: str | None, override: str | None
    ) -> tuple[transport.Session, str]:
        """A session for a URL and a token."""
        if not (url and token):
            raise exception.InsufficientAuthInformation
        return endpoint.session_with(token, override or url), override or url

    @staticmethod
    def _pin(
        session: object, api_version: str | float | None, source: str, default: str | None
    ) -> versions.Pin | None:
        if api_version is None:
            api_version, source = default, 'default_microversion'
        if api_version is None and isinstance(
            own := getattr(session, 'default_microversion', None), str
        ):
            api_version, source = own, "the session's default_microversion"
        return versions.pin_from(api_version, source)


def _teach_yaml() -> None:
    """Let yaml write resources as the dicts they are.

    yaml.safe_dump refuses subclasses of dict that it was not told of, and so does libyaml's
    dumper, which inherits from the same class; yaml.dump would write the class's name.
    """
    from yaml import representer

    for kind in (representer.SafeRepresenter, representer.Representer):
        kind.add_multi_representer(Resource, _represent)


def _represent(dumper: Any, resource: Resource) -> Any:
    return dumper.represent_dict(dict(dict.items(resource)))
