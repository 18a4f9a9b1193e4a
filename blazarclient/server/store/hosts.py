"""Reservable hosts, their capabilities, and the properties that name these."""

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

_HOST = 'physical:host'


def insert_host(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a host."""
    connection.execute(host_table.insert().values(dict(values)))


def host(connection: Connection, id: str) -> Row | None:
    """One host; None when there is none with this id."""
    return rows.first(connection, sa.select(host_table).where(host_table.c.id == id))


def hosts(connection: Connection) -> list[Row]:
    """Every host."""
    return rows.rows(connection, sa.select(host_table).order_by(host_table.c.id))


def update_host(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a host; whether there is one with this id."""
    return rows.updated(
        connection, host_table.update().where(host_table.c.id == id).values(dict(values))
    )


def delete_host(connection: Connection, id: str) -> bool:
    """Delete a host and its capabilities; whether there was one with this id."""
    return rows.updated(connection, host_table.delete().where(host_table.c.id == id))


def capabilities(connection: Connection, host_id: str | None = None) -> list[Row]:
    """``host_id``, ``property_name`` and ``capability_value`` of one host, or of all."""
    query = (
        sa.select(
            host_capabilities.c.host_id,
            resource_properties.c.property_name,
            host_capabilities.c.capability_value,
        )
        .join_from(
            host_capabilities,
            resource_properties,
            host_capabilities.c.property_id == resource_properties.c.id,
        )
        .order_by(host_capabilities.c.host_id, resource_properties.c.property_name)
    )
    if host_id is not None:
        query = query.where(host_capabilities.c.host_id == host_id)
    return rows.rows(connection, query)


def set_capability(connection: Connection, host_id: str, property_id: str, value: str) -> None:
    """Give a host a capability, or another value of it."""
    mine = sa.and_(
        host_capabilities.c.host_id == host_id, host_capabilities.c.property_id == property_id
    )
    if connection.scalar(sa.select(sa.func.count()).where(mine)):
        connection.execute(host_capabilities.update().where(mine).values(capability_value=value))
    else:
        connection.execute(
            host_capabilities.insert().values(
                host_id=host_id, property_id=property_id, capability_value=value
            )
        )


def delete_capabilities(connection: Connection, host_id: str, names: Iterable[str]) -> None:
    """Take capabilities from a host."""
    for batch in rows.batches(names):
        ids = sa.select(resource_properties.c.id).where(
            resource_properties.c.resource_type == _HOST,
            resource_properties.c.property_name.in_(batch),
        )
        connection.execute(
            host_capabilities.delete().where(
                host_capabilities.c.host_id == host_id, host_capabilities.c.property_id.in_(ids)
            )
        )


def insert_property(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a property."""
    connection.execute(resource_properties.insert().values(dict(values)))


def properties(connection: Connection) -> list[Row]:
    """Every property of hosts, in the order of their names."""
    query = sa.select(resource_properties).where(resource_properties.c.resource_type == _HOST)
    return rows.rows(connection, query.order_by(resource_properties.c.property_name))


def property_by_name(connection: Connection, name: str) -> Row | None:
    """One property of hosts; None when there is none of this name."""
    query = sa.select(resource_properties).where(
        resource_properties.c.resource_type == _HOST, resource_properties.c.property_name == name
    )
    return rows.first(connection, query)


def property_values(connection: Connection) -> list[Row]:
    """``property_id`` and ``capability_value``: each value that some host has, once."""
    query = sa.select(host_capabilities.c.property_id, host_capabilities.c.capability_value)
    return rows.rows(
        connection,
        query.distinct().order_by(
            host_capabilities.c.property_id, host_capabilities.c.capability_value
        ),
    )


def update_property(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a property; whether there is one with this id."""
    return rows.updated(
        connection,
        resource_properties.update().where(resource_properties.c.id == id).values(dict(values)),
    )
