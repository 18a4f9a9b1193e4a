"""What has happened to a lease, from two of its documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from blazarclient.server.objects.lease_history import between
from tests.unit.server.notifications.model_blazar import ModelBlazar

NOW = datetime(2026, 11, 21, 12)  # noqa: DTZ001


def kinds(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    """What has happened, in order."""
    return [each.kind for each in between(before, after, NOW)]


def lease(blazar: ModelBlazar, lease_id: str) -> dict[str, Any]:
    """The lease as it is."""
    found = blazar.get_lease(lease_id)
    assert found is not None
    return found


def test_all_that_was_missed() -> None:
    """A lease that was not there tells of all that has been carried out, in the order of time."""
    blazar = ModelBlazar()
    made = blazar.create()
    assert kinds(None, lease(blazar, made)) == []
    for kind in ('start_lease', 'before_end_lease', 'end_lease'):
        blazar.wait(60)
        blazar.carry_out(made, kind)
    whole = ['lease.started', 'lease.before_end', 'lease.ended']
    assert kinds(None, lease(blazar, made)) == whole
    assert kinds(lease(blazar, made), lease(blazar, made)) == []


def test_warning_that_is_moved() -> None:
    """A warning that was given is taken back by a move, and given again at its new time."""
    blazar = ModelBlazar()
    made = blazar.create()
    blazar.carry_out(made, 'start_lease')
    blazar.carry_out(made, 'before_end_lease')
    warned = lease(blazar, made)
    blazar.begin_update(made)
    blazar.finish_update(made, minutes=30)
    moved = lease(blazar, made)
    assert kinds(warned, moved) == ['lease.before_end.cancelled']
    blazar.carry_out(made, 'before_end_lease')
    again = lease(blazar, made)
    assert kinds(moved, again) == ['lease.before_end']
    assert kinds(warned, again) == ['lease.before_end.cancelled', 'lease.before_end']
    first, second = between(None, warned, NOW)[-1], between(moved, again, NOW)[-1]
    assert first.transition != second.transition


def test_start_that_is_moved_is_no_second_start() -> None:
    """Blazar lets the time of a start that was carried out change; nothing starts by that."""
    blazar = ModelBlazar()
    made = blazar.create()
    blazar.carry_out(made, 'start_lease')
    before = lease(blazar, made)
    blazar.row(made, 'start_lease')['time'] = '2026-11-20T18:00:00.000000'
    assert kinds(before, lease(blazar, made)) == []


def test_failed() -> None:
    """An event in ERROR has failed; a lease in ERROR without one could not be changed."""
    blazar = ModelBlazar()
    made = blazar.create()
    before = lease(blazar, made)
    blazar.carry_out(made, 'start_lease', failed=True)
    (failed,) = between(before, lease(blazar, made), NOW)
    assert (failed.kind, failed.details) == ('lease.failed', {'phase': 'start'})
    (failed,) = between(before, {**before, 'status': 'ERROR'}, NOW)
    assert (failed.kind, failed.details) == ('lease.failed', {'phase': 'update'})
    assert kinds(lease(blazar, made), lease(blazar, made)) == []


def test_degraded() -> None:
    """A reservation that loses what it had is told of once, by its ID."""
    blazar = ModelBlazar()
    made = blazar.create()
    before = lease(blazar, made)
    blazar.degrade(made)
    (degraded,) = between(before, lease(blazar, made), NOW)
    (reservation,) = degraded.details['reservations']
    assert degraded.kind == 'lease.degraded'
    assert reservation == {
        'id': before['reservations'][0]['id'],
        'missing_resources': True,
        'resources_changed': False,
    }
    assert kinds(lease(blazar, made), lease(blazar, made)) == []
