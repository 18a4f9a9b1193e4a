"""What else a small cloud has: hypervisors, flavors, subnets, application credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import application_credentials
from blazarclient.server.store.tables import flavors as flavor_table
from blazarclient.server.store.tables import hypervisors as hypervisor_table
from blazarclient.server.store.tables import subnets as subnet_table

__all__ = [
    'application_credential',
    'application_credential_named',
    'delete_application_credential',
    'flavor',
    'flavors',
    'hypervisor',
    'hypervisors',
    'insert_application_credential',
    'insert_flavor',
    'insert_hypervisor',
    'insert_subnet',
    'subnets',
]


def insert_hypervisor(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a hypervisor; without an ``id`` it gets the next number."""
    connection.execute(hypervisor_table.insert().values(dict(values)))


def hypervisor(connection: Connection, name_or_id: str) -> Row | None:
    """The hypervisor of a name or a number; None when there is none."""
    wanted = hypervisor_table.c.hypervisor_hostname == name_or_id
    if name_or_id.isdecimal():
        wanted = sa.or_(wanted, hypervisor_table.c.id == int(name_or_id))
    return rows.first(connection, sa.select(hypervisor_table).where(wanted))


def hypervisors(connection: Connection) -> list[Row]:
    """Every hypervisor, in the order of their numbers."""
    return rows.rows(connection, sa.select(hypervisor_table).order_by(hypervisor_table.c.id))


def insert_flavor(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a flavor; ``extra_specs`` is a mapping."""
    connection.execute(flavor_table.insert().values(rows.encoded(values, 'extra_specs')))


def flavor(connection: Connection, id: str) -> Row | None:
    """One flavor; None when there is none with this id."""
    query = sa.select(flavor_table).where(flavor_table.c.id == id)
    found = rows.decoded(rows.rows(connection, query), 'extra_specs')
    return found[0] if found else None


def flavors(connection: Connection) -> list[Row]:
    """Every flavor, in the order of their names."""
    query = sa.select(flavor_table).order_by(flavor_table.c.name)
    return rows.decoded(rows.rows(connection, query), 'extra_specs')


def insert_subnet(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a subnet; ``allocation_pools`` is a list."""
    connection.execute(subnet_table.insert().values(rows.encoded(values, 'allocation_pools')))


def subnets(connection: Connection, network_id: str | None = None) -> list[Row]:
    """The subnets of a network, or of all."""
    query = sa.select(subnet_table).order_by(subnet_table.c.network_id, subnet_table.c.id)
    if network_id is not None:
        query = query.where(subnet_table.c.network_id == network_id)
    return rows.decoded(rows.rows(connection, query), 'allocation_pools')


def insert_application_credential(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add an application credential."""
    connection.execute(application_credentials.insert().values(dict(values)))


def application_credential(connection: Connection, id: str) -> Row | None:
    """One application credential; None when there is none with this id."""
    columns = application_credentials.c
    return rows.first(connection, sa.select(application_credentials).where(columns.id == id))


def application_credential_named(connection: Connection, user_name: str, name: str) -> Row | None:
    """The application credential of a user that has a name; None when there is none."""
    columns = application_credentials.c
    query = sa.select(application_credentials)
    return rows.first(connection, query.where(columns.name == name, columns.user_name == user_name))


def delete_application_credential(connection: Connection, id: str) -> bool:
    """Delete an application credential; whether there was one with this id."""
    columns = application_credentials.c
    return rows.updated(connection, application_credentials.delete().where(columns.id == id))
