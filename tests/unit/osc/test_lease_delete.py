"""``lease delete``: several, past failures, and never a neighbour's by accident."""

import re
from collections.abc import Callable

from tests.answers import Answer, Request
from tests.conftest import Runner
from tests.identity import USERS
from tests.recorded import ALICE, RecordedBlazar

NOBODY = '00000000-0000-4000-8000-000000000000'


def test_several(server: RecordedBlazar, openstack: Runner) -> None:
    """Every lease is tried; the failures are told, counted, and make the exit code 1."""
    server.hold(leases := server.leases(3, project_id=ALICE.project_id))
    server.on('DELETE', re.compile('/v1/leases/.*'), _delete_but(leases[1]['id']))
    ran = openstack(
        *('reservation', 'lease', 'delete'), 'lease-00000', leases[1]['id'], 'nope', 'lease-00002'
    )
    assert ran.code == 1
    assert ran.stdout == 'Deleted lease: lease-00000\nDeleted lease: lease-00002\n'
    lines = ran.stderr.splitlines()
    assert lines[0].startswith(f"Cannot delete lease '{leases[1]['id']}': In use (HTTP 409")
    assert lines[1].startswith("Cannot delete lease 'nope': No lease with the name or ID 'nope'")
    assert lines[2:] == ['2 of 4 leases failed to delete.']


def test_nobody_there(server: RecordedBlazar, blazar: Runner) -> None:
    """A service that cannot be reached is not tried anew for each lease."""
    server.catalog_url = 'http://127.0.0.1:9/v1'
    ran = blazar('lease', 'delete', 'a', 'b', 'c')
    assert ran.code == 1
    first, last = ran.stderr.splitlines()
    assert first.startswith(
        "Cannot delete lease 'a': http://127.0.0.1:9/v1/leases cannot be reached"
    )
    assert last == '3 of 3 leases failed to delete.'


def test_one_by_id(server: RecordedBlazar, blazar: Runner) -> None:
    """An ID is one request."""
    server.hold(leases := server.leases(1))
    server.on('DELETE', f'/v1/leases/{leases[0]["id"]}', status=204, body='')
    ran = blazar('lease-delete', leases[0]['id'], cloud='alice-endpoint').check()
    assert (ran.stdout, ran.stderr) == (f'Deleted lease: {leases[0]["id"]}\n', '')
    assert server.calls() == [f'DELETE /v1/leases/{leases[0]["id"]}']


def test_name_in_the_form_of_an_id(server: RecordedBlazar, blazar: Runner) -> None:
    """When no lease has the ID, a lease with that name is meant."""
    server.hold(leases := server.leases(1, name=NOBODY, project_id=ALICE.project_id))
    server.on('DELETE', f'/v1/leases/{leases[0]["id"]}', status=204, body='')
    blazar('lease', 'delete', NOBODY).check()
    assert server.sent('DELETE')[-1].path == f'/v1/leases/{leases[0]["id"]}'


def test_name_of_another_project(server: RecordedBlazar, blazar: Runner) -> None:
    """An administrator's name that matches somebody else's lease deletes nothing."""
    bob = USERS['bob'].project_id
    server.hold(leases := server.leases(1, name='gpu', project_id=bob))
    ran = blazar('lease', 'delete', 'gpu', cloud='admin')
    assert ran.code == 1
    assert f'belongs to another project, {bob}' in ran.stderr
    assert f'give its ID: {leases[0]["id"]}' in ran.stderr
    assert not server.sent('DELETE')

    server.on('DELETE', f'/v1/leases/{leases[0]["id"]}', status=204, body='')
    blazar('lease', 'delete', leases[0]['id'], cloud='admin').check()


def test_wait(server: RecordedBlazar, blazar: Runner) -> None:
    """--wait returns when the lease is gone, and says so on standard error."""
    lease = server.leases(1, name='gpu', project_id=ALICE.project_id, events=[])[0]
    server.hold([lease])
    server.on('DELETE', f'/v1/leases/{lease["id"]}', _forgetting(server, lease['id']))
    ran = blazar('lease', 'delete', '--wait', 'gpu').check()
    assert ran.stdout == 'Deleted lease: gpu\n'
    assert re.fullmatch(r'gpu  deleted  00:\d\d\n', ran.stderr)


def test_reader(server: RecordedBlazar, blazar: Runner) -> None:
    """Who may not delete is told so in a sentence with the service's reason."""
    server.hold(leases := server.leases(1, project_id=ALICE.project_id))
    path = f'/v1/leases/{leases[0]["id"]}'
    server.play('lease-delete-rita-403', path=path)
    ran = blazar('lease', 'delete', 'lease-00000', cloud='rita')
    assert ran.code == 1
    assert "Policy doesn't allow blazar:leases:delete to be performed." in ran.stderr
    assert 'roles' in ran.stderr


def _delete_but(kept: str) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        if request.path.endswith(kept):
            return Answer(status=409, body={'error_code': 409, 'error_message': 'In use'})
        return Answer(status=204)

    return answer


def _forgetting(server: RecordedBlazar, lease_id: str) -> Callable[[Request], Answer]:
    def answer(_: Request) -> Answer:
        server.on('GET', f'/v1/leases/{lease_id}', status=404, body={'error_message': 'gone'})
        return Answer(status=204)

    return answer
