"""What a command works on: the client, and the object that a name or an ID stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from osc_lib.command import command

from blazarclient import exception

if TYPE_CHECKING:
    from blazarclient.client import Client
    from blazarclient.collection import Collection, DeletableCollection
    from blazarclient.model import Resource
    from blazarclient.resources.lease import Lease


def client(asking: command.Command) -> Client:
    """The client of the program that runs the command."""
    app: Any = asking.app
    return cast('Client', app.client_manager.reservation)


def delete(
    collection: DeletableCollection[Any], text: str, find: Callable[[str], Resource] | None = None
) -> None:
    """Delete the object with this name or ID; by its ID that is one request.

    :param find: finds the object of a name, instead of the collection's own ``find``.
    """
    if collection.ID.fullmatch(text):
        try:
            collection.delete(text)
        except exception.NotFound:
            # A name may have the form of an ID.
            pass
        else:
            return
    collection.delete((find or collection.find)(text)['id'])


def identity(collection: Collection[Any], text: str) -> str:
    """The ID of the object with this name or ID; an ID is taken as it is."""
    return text if collection.ID.fullmatch(text) else str(collection.find(text)['id'])


def lease_id(asking: command.Command, text: str) -> str:
    """The ID of the lease with this name or ID; an ID is taken as it is."""
    return identity(client(asking).leases, text)


def my_lease(asking: command.Command, text: str, doing: str) -> Lease:
    """The lease with this ID, or the lease with this name that is of the user's own project.

    An administrator sees the leases of every project. So that a name which happens to be
    somebody else's does no harm, such a lease has to be called by its ID.

    :param doing: what the command does, for the error: 'delete', 'change'.
    :raises blazarclient.exception.InvalidInput: for a name that is another project's.
    :raises blazarclient.exception.NotFound: when there is none.
    :raises blazarclient.exception.NoUniqueMatch: when several leases have the name.
    """
    lease: Lease = client(asking).leases.find(text)
    if str(lease.get('id')).lower() != text.lower() and lease.is_mine is False:
        raise exception.InvalidInput(
            f'The lease named {text!r} belongs to another project, {lease.get("project_id")}. '
            f'To {doing} it all the same, give its ID: {lease.get("id")}'
        )
    return lease


def each(
    asking: command.Command, kind: str, names: Sequence[str], act: Callable[[str], None]
) -> None:
    """Delete several objects; go on past a failure, and say in the end how many there were.

    :param kind: what they are, in the singular.
    :param act: deletes the object with this name or ID.
    :raises blazarclient.exception.BlazarClientException: when any failed.
    """
    failed = 0
    for tried, name in enumerate(names, 1):
        try:
            act(name)
        except exception.BlazarClientException as error:
            failed += 1
            asking.app.stderr.write(f'Cannot delete {kind} {name!r}: {error}\n')
            if isinstance(error, exception.ConnectionFailed) and not error.sent:
                # Nobody is there; the others would each wait as long to find that out.
                failed += len(names) - tried
                break
        else:
            asking.app.stdout.write(f'Deleted {kind}: {name}\n')
    if failed:
        raise exception.BlazarClientException(f'{failed} of {len(names)} {kind}s failed to delete.')
