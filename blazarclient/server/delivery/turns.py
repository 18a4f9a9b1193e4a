"""Whose turn it is: which projects and endpoints get the free connections. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

__all__ = ['Group', 'InUse', 'Turns']


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """What one project has to send to one endpoint."""

    project_id: str
    endpoint: str
    host: str
    #: Whether one attempt has to show first how the endpoint is.
    is_probe: bool = False
    #: The subscription whose endpoint is asked whether it wants to be told.
    asked: str | None = None
    #: Whether the endpoint takes long, or fails.
    is_slow: bool = False
    has_failed: bool = False


@dataclasses.dataclass(slots=True)
class InUse:
    """How many connections are in use."""

    #: By project and slow ones: of this worker alone.
    projects: Counter[str]
    slow: int
    #: By host and by endpoint: of all workers.
    hosts: Counter[str]
    endpoints: Counter[str]


class Turns:
    """Gives connections away, to each project in turn.

    No project gets all of them, since another one may come; and endpoints that are slow get half
    of them together.

    :param connections: how many the worker has.
    :param per_host: how many there may be to one host, over all workers.
    """

    def __init__(self, connections: int, per_host: int) -> None:
        self._connections = connections
        self._per_host = per_host
        self._served: dict[str, int] = {}
        self._turn = 0

    def give(self, groups: Sequence[Group], in_use: InUse, free: int) -> list[Group]:
        """Who gets connections: each group once for each that it gets.

        :param in_use: is changed accordingly.
        """
        waiting: dict[str, list[Group]] = {}
        for group in groups:
            waiting.setdefault(group.project_id, []).append(group)
        projects = len(waiting.keys() | in_use.projects.keys())
        share = max(1, self._connections // (projects + 1))
        order = sorted(waiting, key=lambda project: self._served.get(project, 0))
        given: list[Group] = []
        while order and len(given) < free:
            for project in tuple(order):
                if len(given) == free:
                    break
                has_share = in_use.projects[project] < share
                next_one = self._first(waiting[project], in_use) if has_share else None
                if next_one is None:
                    order.remove(project)
                    continue
                given.append(next_one)
                self._take(next_one, waiting[project], in_use)
        self._served = {
            project: turn
            for project, turn in self._served.items()
            if project in waiting or project in in_use.projects
        }
        return given

    def _first(self, groups: Sequence[Group], in_use: InUse) -> Group | None:
        """The first group that may have another connection."""
        for group in groups:
            if in_use.hosts[group.host] >= self._per_host:
                continue
            if group.is_probe and in_use.endpoints[group.endpoint]:
                continue
            if group.is_slow and in_use.slow >= max(1, self._connections // 2):
                continue
            return group
        return None

    def _take(self, group: Group, groups: list[Group], in_use: InUse) -> None:
        groups.remove(group)
        if not group.is_probe and group.asked is None:
            # The next one is for another endpoint of the project.
            groups.append(group)
        in_use.projects[group.project_id] += 1
        in_use.hosts[group.host] += 1
        in_use.endpoints[group.endpoint] += 1
        in_use.slow += group.is_slow
        self._turn += 1
        self._served[group.project_id] = self._turn
