"""Reservations in openstacksdk: ``openstack.connect(...).reservation``.

::

    import openstack
    from blazarclient import openstacksdk

    connection = openstacksdk.add_to(openstack.connect(cloud='alice'))
    for lease in connection.reservation.leases():
        print(lease.name, lease.end_date)
    lease = connection.reservation.find_lease('gpu-week')
    openstack.resource.wait_for_status(connection.reservation, lease, 'ACTIVE')

Or, for every program that uses a cloud, one line in its ``clouds.yaml``::

    vendor_hook: blazarclient.openstacksdk:add_to

For each resource there are ``leases()``, ``get_lease()``, ``find_lease()``, ``create_lease()``,
``update_lease()`` and ``delete_lease()``, as far as the API has them. They are made of the
collections of :class:`blazarclient.Client`, whose arguments they take, and what they return has the
methods that it has there. No request is made to discover versions: the best one in common is
learned from the answers. Errors of these calls are those of ``openstack.exceptions``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from openstack import exceptions, proxy, service_description  # noqa: TID253

from blazarclient import exception
from blazarclient.client import Client
from blazarclient.collection import Collection
from blazarclient.model import Resource
from blazarclient.resources.allocation import Allocations
from blazarclient.resources.device import Devices
from blazarclient.resources.floatingip import FloatingIPs
from blazarclient.resources.host import Hosts
from blazarclient.resources.lease import Leases
from blazarclient.resources.network import Networks
from blazarclient.resources.notification import Notification
from blazarclient.resources.property import ResourceProperties
from blazarclient.resources.subscription import Subscriptions

if TYPE_CHECKING:
    from openstack.connection import Connection

__all__ = ['SERVICE_TYPE', 'Proxy', 'ReservationService', 'add_to']

T = TypeVar('T')
#: After the last of a list.
_END = object()

SERVICE_TYPE = 'reservation'
#: Attribute of the client -> its class: what the calls are made of.
COLLECTIONS: dict[str, type[Collection[Any]]] = {
    'allocations': Allocations,
    'devices': Devices,
    'floatingips': FloatingIPs,
    'hosts': Hosts,
    'leases': Leases,
    'networks': Networks,
    'properties': ResourceProperties,
    'subscriptions': Subscriptions,
}


class _Fetchable:
    """What openstacksdk's own functions want of a resource."""

    def fetch(self, session: object = None, **_ignored: object) -> Any:
        """Read it anew."""
        refresh: Callable[[], Any] = self.refresh  # type: ignore[attr-defined]
        return _translated(refresh)

    def to_dict(self) -> dict[str, Any]:
        """The dict that the server sent."""
        return dict(self)  # type: ignore[call-overload, no-any-return]


class Proxy(proxy.Proxy):
    """The reservation service of a connection.

    It is also a keystoneauth1 adapter: ``connection.reservation.get('/leases')`` sends a request.
    """

    # No document tells versions, and none is asked for.
    skip_discovery = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = self.min_version = self.max_version = None

    @functools.cached_property
    def client(self) -> Client:
        """The client that the calls are made with."""
        made = Client(
            session=self.session,
            auth=self.auth,
            service_type=self.service_type,
            service_name=self.service_name,
            # A list of interfaces is an order of preference.
            interface=self.interface if isinstance(self.interface, str) else None,
            region_name=self.region_name,
            endpoint_override=self.endpoint_override,
            default_microversion=self.default_microversion,
        )
        for name in COLLECTIONS:
            collection = getattr(made, name)
            collection.RESOURCE = _CLASSES[collection.RESOURCE]
        return made

    def notifications(self, **query: Any) -> Iterator[Notification]:
        """What happened to leases, the oldest first; see ``Notifications.list``."""
        return _each(self.client.notifications.list, **query)


class ReservationService(service_description.ServiceDescription[Proxy]):
    """Tells openstacksdk of the service: ``connection.add_service(ReservationService())``."""

    supported_versions = {'1': Proxy}

    def __init__(self, service_type: str = SERVICE_TYPE, **kwargs: Any) -> None:
        super().__init__(service_type, **kwargs)

    def __get__(self, instance: Any, owner: Any) -> Any:
        """The proxy of a connection; openstacksdk's own way would look for versions first."""
        if instance is None:
            return self
        known = instance._proxies
        if not isinstance(known.get(self.service_type), Proxy):
            made = instance.config.get_session_client(self.service_type, constructor=Proxy)
            made._connection = instance
            known[self.service_type] = made
        return known[self.service_type]


def add_to(connection: Connection) -> Connection:
    """Give a connection ``.reservation``; also what ``vendor_hook`` of a clouds.yaml names.

    :returns: the same connection.
    """
    connection.add_service(ReservationService())
    return connection


# ---------------------------------------------------------------- the calls, generated


def _translated(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call, and raise what programs with openstacksdk expect."""
    try:
        return call(*args, **kwargs)
    except exception.NoUniqueMatch as error:
        raise exceptions.DuplicateResource(str(error)) from error
    except exception.HTTPError as error:
        kind = {
            400: exceptions.BadRequestException,
            403: exceptions.ForbiddenException,
            404: exceptions.NotFoundException,
            409: exceptions.ConflictException,
        }.get(error.status, exceptions.HttpException)
        failure = kind(str(error), details=error.detail)
        failure.status_code, failure.request_id = error.status, error.request_id
        raise failure from error
    except exception.BlazarClientException as error:
        raise exceptions.SDKException(str(error)) from error


def _each(call: Callable[..., Any], **query: Any) -> Iterator[Any]:
    """What a call returns one by one; it may fail at each."""
    found = iter(_translated(call, **query))
    while (item := _translated(next, found, _END)) is not _END:
        yield item


def _identity(given: Any, collection: Collection[Any]) -> str:
    """The ID of what is given as a resource or as an ID."""
    if not isinstance(given, Resource):
        return str(given)
    return str(given.get('id') or given[collection.RESOURCE.field(collection.NAME).wire])


def _listing(attribute: str) -> Callable[..., Any]:
    def call(self: Proxy, **query: Any) -> Iterator[Any]:
        return _each(getattr(self.client, attribute).list, **query)

    return call


def _getting(attribute: str) -> Callable[..., Any]:
    def call(self: Proxy, resource: Any) -> Any:
        collection = getattr(self.client, attribute)
        return _translated(collection.get, _identity(resource, collection))

    return call


def _finding(attribute: str) -> Callable[..., Any]:
    def call(self: Proxy, name_or_id: str, ignore_missing: bool = True) -> Any:
        try:
            return _translated(getattr(self.client, attribute).find, name_or_id)
        except exceptions.NotFoundException:
            if ignore_missing:
                return None
            raise

    return call


def _creating(attribute: str) -> Callable[..., Any]:
    def call(self: Proxy, *args: Any, **values: Any) -> Any:
        return _translated(getattr(self.client, attribute).create, *args, **values)

    return call


def _updating(attribute: str) -> Callable[..., Any]:
    def call(self: Proxy, resource: Any, **values: Any) -> Any:
        collection = getattr(self.client, attribute)
        return _translated(collection.update, _identity(resource, collection), **values)

    return call


def _deleting(attribute: str) -> Callable[..., Any]:
    def call(self: Proxy, resource: Any, ignore_missing: bool = True) -> None:
        collection = getattr(self.client, attribute)
        try:
            _translated(collection.delete, _identity(resource, collection))
        except exceptions.NotFoundException:
            if not ignore_missing:
                raise

    return call


#: Method of a collection -> the name of the call, and what makes it.
_CALLS: dict[str, tuple[str, Callable[[str], Callable[..., Any]]]] = {
    'list': ('{many}', _listing),
    'get': ('get_{one}', _getting),
    'find': ('find_{one}', _finding),
    'create': ('create_{one}', _creating),
    'update': ('update_{one}', _updating),
    'delete': ('delete_{one}', _deleting),
}


def _generate() -> None:
    for attribute, kind in COLLECTIONS.items():
        for method, (form, make) in _CALLS.items():
            source = getattr(kind, method, None)
            if source is None:
                continue
            name = form.format(one=kind.ONE, many=kind.MANY)
            call = make(attribute)
            call.__name__, call.__qualname__ = name, f'Proxy.{name}'
            call.__doc__ = source.__doc__
            setattr(Proxy, name, call)


def _fetchable(kind: type[Resource]) -> type[Resource]:
    """A resource's class as openstacksdk's functions want it; a name of this module, for pickle."""
    made = type(kind.__name__, (_Fetchable, kind), {'__slots__': (), '__module__': __name__})
    globals()[kind.__name__] = made
    return made


_generate()
_CLASSES = {kind.RESOURCE: _fetchable(kind.RESOURCE) for kind in COLLECTIONS.values()}
