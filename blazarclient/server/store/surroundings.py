"""What a small cloud has besides: machines, flavors, subnets, application credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import application_credentials as credential_table
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
    'insert_flavors',
    'insert_hypervisors',
    'insert_subnets',
    'subnets',
]

#: Of a machine: what a database has room for.
_NUMBER = re.compile('[0-9]{1,9}')


def insert_hypervisors(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Add machines."""
    if values:
        connection.execute(hypervisor_table.insert(), [dict(each) for each in values])


def hypervisor(connection: Connection, name_or_id: str) -> Row | None:
    """One machine; None when there is none with this name or number."""
    query = sa.select(hypervisor_table)
    columns = hypervisor_table.c
    found = rows.first(connection, query.where(columns.hypervisor_hostname == name_or_id))
    if found is None and _NUMBER.fullmatch(name_or_id):
        found = rows.first(connection, query.where(columns.id == int(name_or_id)))
    return found


def hypervisors(connection: Connection) -> list[Row]:
    """All machines, in the order of their numbers."""
    return rows.rows(connection, sa.select(hypervisor_table).order_by(hypervisor_table.c.id))


def insert_flavors(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Add flavors; ``extra_specs`` is what JSON can hold."""
    if values:
        connection.execute(
            flavor_table.insert(), [rows.encoded(each, 'extra_specs') for each in values]
        )


def flavor(connection: Connection, id: str) -> Row | None:
    """One flavor; None when there is none with this ID."""
    query = sa.select(flavor_table).where(flavor_table.c.id == id)
    found = rows.decoded(rows.rows(connection, query), 'extra_specs')
    return found[0] if found else None


def flavors(connection: Connection) -> list[Row]:
    """All flavors, in the order of their names."""
    query = sa.select(flavor_table).order_by(flavor_table.c.name)
    return rows.decoded(rows.rows(connection, query), 'extra_specs')


def insert_subnets(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Add subnets; ``allocation_pools`` is what JSON can hold."""
    if values:
        connection.execute(
            subnet_table.insert(), [rows.encoded(each, 'allocation_pools') for each in values]
        )


def subnets(connection: Connection, network_id: str | None = None) -> list[Row]:
    """All subnets, or those of one network, in the order of their IDs."""
    query = sa.select(subnet_table).order_by(subnet_table.c.id)
    if network_id is not None:
        query = query.where(subnet_table.c.network_id == network_id)
    return rows.decoded(rows.rows(connection, query), 'allocation_pools')


def insert_application_credential(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add an application credential, of which only a hash of the secret is kept."""
    connection.execute(credential_table.insert().values(dict(values)))


def application_credential(connection: Connection, id: str) -> Row | None:
    """One application credential; None when there is none with this ID."""
    return rows.first(connection, sa.select(credential_table).where(credential_table.c.id == id))


def application_credential_named(connection: Connection, user_name: str, name: str) -> Row | None:
    """The application credential of a user that has a name; None when there is none."""
    query = sa.select(credential_table).where(
        credential_table.c.user_name == user_name, credential_table.c.name == name
    )
    return rows.first(connection, query)


def delete_application_credential(connection: Connection, id: str) -> bool:
    """Delete an application credential; whether there was one with this ID."""
    return rows.updated(connection, credential_table.delete().where(credential_table.c.id == id))
