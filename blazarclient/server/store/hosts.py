"""Hosts, their capabilities, and the names that capabilities have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import host_capabilities, resource_properties
from blazarclient.server.store.tables import hosts as host_table

__all__ = [
    'capabilities',
    'delete_capabilities',
    'delete_host',
    'host',
    'hosts',
    'insert_host',
    'insert_property',
    'properties',
    'property_by_name',
    'property_values',
    'set_capability',
    'update_host',
    'update_property',
]


def insert_host(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a host.

    :raises sqlalchemy.exc.IntegrityError: when there is one with this ID or name.
    """
    connection.execute(host_table.insert().values(dict(values)))


def host(connection: Connection, id: str) -> Row | None:
    """One host; None when there is none with this ID."""
    return rows.first(connection, sa.select(host_table).where(host_table.c.id == id))


def hosts(connection: Connection) -> list[Row]:
    """All hosts, in the order of their numbers."""
    query = sa.select(host_table).order_by(sa.func.length(host_table.c.id), host_table.c.id)
    return rows.rows(connection, query)


def update_host(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a host; whether there is one with this ID."""
    change = host_table.update().where(host_table.c.id == id)
    return rows.updated(connection, change.values(dict(values)))


def delete_host(connection: Connection, id: str) -> bool:
    """Delete a host with its capabilities; whether there was one with this ID."""
    return rows.updated(connection, host_table.delete().where(host_table.c.id == id))


def capabilities(connection: Connection, host_id: str | None = None) -> list[Row]:
    """The capabilities of one host or of all, in the order of their names.

    :returns: host_id, property_id, property_name, capability_value, private.
    """
    query = (
        sa.select(
            host_capabilities.c.host_id,
            host_capabilities.c.property_id,
            resource_properties.c.property_name,
            host_capabilities.c.capability_value,
            resource_properties.c.private,
        )
        .join_from(host_capabilities, resource_properties)
        .order_by(host_capabilities.c.host_id, resource_properties.c.property_name)
    )
    if host_id is not None:
        query = query.where(host_capabilities.c.host_id == host_id)
    return rows.rows(connection, query)


def set_capability(connection: Connection, host_id: str, property_id: str, value: str) -> None:
    """Give a host a capability, or another value of one that it has."""
    same = sa.and_(
        host_capabilities.c.host_id == host_id, host_capabilities.c.property_id == property_id
    )
    change = host_capabilities.update().where(same).values(capability_value=value)
    if not rows.updated(connection, change):
        connection.execute(
            host_capabilities.insert().values(
                host_id=host_id, property_id=property_id, capability_value=value
            )
        )


def delete_capabilities(connection: Connection, host_id: str, names: Iterable[str]) -> None:
    """Take capabilities from a host, by their names; those that it does not have do no harm."""
    named = sa.select(resource_properties.c.id).where(
        resource_properties.c.property_name.in_([*names])
    )
    connection.execute(
        host_capabilities.delete().where(
            host_capabilities.c.host_id == host_id, host_capabilities.c.property_id.in_(named)
        )
    )


def insert_property(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a property.

    :raises sqlalchemy.exc.IntegrityError: when there is one with this name.
    """
    connection.execute(resource_properties.insert().values(dict(values)))


def properties(connection: Connection) -> list[Row]:
    """All properties, the oldest first."""
    query = sa.select(resource_properties).order_by(
        resource_properties.c.created_at, resource_properties.c.property_name
    )
    return rows.rows(connection, query)


def property_by_name(
    connection: Connection, name: str, resource_type: str = 'physical:host'
) -> Row | None:
    """One property; None when there is none of this name."""
    return rows.first(
        connection,
        sa.select(resource_properties).where(
            resource_properties.c.resource_type == resource_type,
            resource_properties.c.property_name == name,
        ),
    )


def property_values(connection: Connection) -> list[Row]:
    """The values that hosts have of each property, each once: property_id, capability_value."""
    query = (
        sa.select(host_capabilities.c.property_id, host_capabilities.c.capability_value)
        .distinct()
        .order_by(host_capabilities.c.property_id, host_capabilities.c.capability_value)
    )
    return rows.rows(connection, query)


def update_property(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a property; whether there is one with this ID."""
    change = resource_properties.update().where(resource_properties.c.id == id)
    return rows.updated(connection, change.values(dict(values)))
