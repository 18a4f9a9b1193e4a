"""Whose turn it is when connections are free."""

from __future__ import annotations

from collections import Counter

from blazarclient.server.delivery.turns import Group, InUse, Turns


def in_use(**projects: int) -> InUse:
    return InUse(Counter(projects), 0, Counter(), Counter())


def group(project: str, endpoint: str = '', *, probe: bool = False, slow: bool = False) -> Group:
    endpoint = endpoint or f'{project}.example:80'
    return Group(project, endpoint, endpoint.partition(':')[0], is_probe=probe, is_slow=slow)


def test_every_project_in_turn() -> None:
    """No project gets a second connection before each has one."""
    groups = [group('a', f'a{number}.example:80') for number in range(20)]
    given = Turns(128, 4).give([*groups, group('b'), group('c')], in_use(), 4)
    assert Counter(each.project_id for each in given) == {'a': 2, 'b': 1, 'c': 1}


def test_who_was_served_last_waits() -> None:
    """With one connection at a time each project gets its turn."""
    turns, groups = Turns(128, 4), [group(name) for name in 'abc']
    served = [turns.give(groups, in_use(), 1)[0].project_id for _ in range(6)]
    assert sorted(served[:3]) == sorted(served[3:]) == ['a', 'b', 'c']


def test_a_host_gets_four_at_most() -> None:
    """However many projects and ports lead to one host."""
    groups = [group(f'p{number}', f'one.example:{number}') for number in range(9)]
    assert len(Turns(128, 4).give(groups, in_use(), 100)) == 4


def test_other_workers_count() -> None:
    """What others send to a host is counted too."""
    used = in_use()
    used.hosts['a.example'] = 3
    assert len(Turns(128, 4).give([group('a')], used, 100)) == 1


def test_nobody_gets_all() -> None:
    """There is always room for a project that has not been there yet."""
    turns = Turns(100, 4)
    groups = [group('a', f'a{number}.example:80') for number in range(200)]
    assert len(turns.give(groups, in_use(), 100)) == 50
    assert len(turns.give(groups, in_use(a=50), 50)) == 0
    assert len(turns.give([*groups, group('b')], in_use(a=33), 50)) == 4


def test_slow_ones_get_half() -> None:
    """However many projects have a slow endpoint, half of the connections is for the others."""
    slow = [group(f'p{number}', slow=True) for number in range(300)]
    turns = Turns(100, 4)
    assert len(turns.give(slow, in_use(), 100)) == 50
    used = in_use()
    used.slow = 50
    assert turns.give([*slow, group('fast')], used, 50) == [group('fast')] * 1


def test_one_tries_an_endpoint() -> None:
    """After a pause a single attempt shows how the endpoint is."""
    turns, probe = Turns(128, 4), group('a', probe=True)
    used = in_use()
    assert turns.give([probe], used, 10) == [probe]
    assert turns.give([probe], used, 10) == []


def test_one_connection_is_enough() -> None:
    """A worker with a single connection sends, too."""
    assert len(Turns(1, 4).give([group('a', slow=True)], in_use(), 1)) == 1
