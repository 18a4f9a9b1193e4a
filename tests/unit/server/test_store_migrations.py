"""The tables: made, compared with what the queries know of, and taken away again."""

from __future__ import annotations

import multiprocessing

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from blazarclient.server import errors
from blazarclient.server.store import database as module
from blazarclient.server.store.database import Database
from blazarclient.server.store.tables import metadata


def test_up_and_down(database_url: str) -> None:
    """A downgrade leaves nothing, and an upgrade after it makes the same tables again."""
    database = Database(database_url)
    assert database.revision() is None
    database.upgrade()
    newest = database.revision()
    assert newest is not None
    first = _shape(database)
    assert first.keys() == {*metadata.tables, 'alembic_version'}
    database.downgrade('base')
    assert database.revision() is None
    assert _shape(database).keys() <= {'alembic_version'}
    database.upgrade()
    assert database.revision() == newest
    assert _shape(database) == first
    database.upgrade()
    database.dispose()


def test_the_newest_revision_has_the_tables_that_queries_know(database: Database) -> None:
    """Alembic finds no difference: columns, types, defaults, indexes, keys."""
    with database.transaction() as connection:
        context = MigrationContext.configure(
            connection, opts={'compare_type': True, 'compare_server_default': True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_what_the_tables_say(database_url: str) -> None:
    """Also what Alembic does not compare: keys that delete, collations, the storage engine."""
    migrated, created = Database(database_url), Database(database_url)
    migrated.upgrade()
    first = _shape(migrated)
    del first['alembic_version']
    migrated.downgrade('base')
    with created.transaction() as connection:
        metadata.create_all(connection)
    second = _shape(created)
    second.pop('alembic_version', None)
    assert first == second
    migrated.dispose()
    created.dispose()


def test_processes_that_upgrade_at_once(shared_database_url: str) -> None:
    """Whoever comes second finds the tables made."""
    spawn = multiprocessing.get_context('spawn')
    processes = [spawn.Process(target=_upgrade, args=(shared_database_url,)) for _ in range(4)]
    for each in processes:
        each.start()
    for each in processes:
        each.join(60)
    assert [each.exitcode for each in processes] == [0] * 4
    database = Database(shared_database_url)
    assert database.revision() == '0002'
    database.dispose()


def test_an_upgrade_that_waits_too_long(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and changes nothing."""
    monkeypatch.setattr(module, '_PATIENCE', 1)
    database = Database(mariadb_url)
    with database.transaction() as connection:
        taken = sa.text('SELECT GET_LOCK(:name, 0)')
        connection.execute(taken, {'name': f'migration {database.url.database}'})
        with pytest.raises(errors.Busy, match='another process'):
            database.upgrade()
    assert database.revision() is None
    database.dispose()


def _upgrade(url: str) -> None:
    Database(url).upgrade()


def _shape(database: Database) -> dict[str, object]:
    """What the database says of each table."""
    with database.transaction(write=False) as connection:
        inspector = sa.inspect(connection)
        return {
            table: {
                'columns': [
                    {**column, 'type': repr(column['type'])}
                    for column in inspector.get_columns(table)
                ],
                'primary key': inspector.get_pk_constraint(table)['constrained_columns'],
                'foreign keys': sorted(
                    (key['constrained_columns'], key['referred_table'], repr(key['options']))
                    for key in inspector.get_foreign_keys(table)
                ),
                'indexes': sorted(
                    (str(index['name']), index['column_names'], index['unique'])
                    for index in inspector.get_indexes(table)
                ),
                'unique': sorted(
                    sorted(unique['column_names'])
                    for unique in inspector.get_unique_constraints(table)
                ),
                'options': {} if database.is_sqlite else inspector.get_table_options(table),
            }
            for table in inspector.get_table_names()
        }
