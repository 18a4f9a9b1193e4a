"""What a process does besides answering requests: its parts, each in a thread of its own.

A part is given a context factory, and runs until it is told to stop; nothing that goes wrong ends
it before. Which parts a process has is up to its command and its options; what a part is made of
is loaded only where it runs.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from blazarclient.server.context import RequestContext

if TYPE_CHECKING:
    from oslo_config import cfg

    from blazarclient.server.api.rest import Service

__all__ = [
    'DELIVERY',
    'LISTENER',
    'SCHEDULER',
    'Part',
    'Running',
    'chosen',
    'context_factory',
    'make',
    'owner',
]

LOG = logging.getLogger(__name__)

#: Groups of parts that are turned on and off together.
SCHEDULER = 'scheduler'
DELIVERY = 'delivery'
LISTENER = 'listener'


def _nothing() -> None:
    """A part that sleeps on the event that stops it needs no waking."""


def _no_trouble() -> str | None:
    """A part that says nothing of itself is well as long as it runs."""
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """Something to run."""

    name: str
    #: Returns soon after the event is set, when what was begun is done.
    run: Callable[[threading.Event], None]
    #: Ends a sleep.
    wake: Callable[[], None] = _nothing
    #: A sentence on what is wrong; None where all is well.
    trouble: Callable[[], str | None] = _no_trouble


class Running:
    """Parts at work."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._stop = threading.Event()
        self._threads = {
            part: threading.Thread(target=self._run, args=[part], name=part.name, daemon=True)
            for part in parts
        }
        for thread in self._threads.values():
            thread.start()

    def _run(self, part: Part) -> None:
        try:
            part.run(self._stop)
        except BaseException:
            LOG.exception('%s: ended', part.name)
            raise

    def wake(self, group: str | None = None) -> None:
        """End the sleep of parts.

        :param group: only of those whose names begin so.
        """
        for part in self._threads:
            if group is None or part.name.startswith(group):
                part.wake()

    def troubles(self) -> Mapping[str, str | None]:
        """What is wrong with each part, by its name."""
        return {
            part.name: part.trouble() if thread.is_alive() else 'It has ended.'
            for part, thread in self._threads.items()
        }

    def stop(self) -> None:
        """Tell all to end."""
        self._stop.set()
        self.wake()

    def join(self, seconds: float) -> bool:
        """Wait until all have ended; False when some have not by then."""
        deadline = time.monotonic() + seconds
        for part, thread in self._threads.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                LOG.warning('%s: still at work, and left alone', part.name)
        return not any(thread.is_alive() for thread in self._threads.values())


def owner() -> str:
    """A name under which work is taken; no two of them are the same."""
    return f'{platform.node()[:36]}-{os.getpid()}-{uuid.uuid4().hex[:8]}'


def context_factory(service: Service) -> Callable[[], RequestContext]:
    """Makes contexts of the service's own."""
    return lambda: RequestContext.for_service(service.database, service.policy, service.settings)


def chosen(config: cfg.ConfigOpts) -> list[str]:
    """The groups of parts that a process which answers requests has by its options."""
    in_front = config.backend.type == 'blazar'
    wanted = {
        SCHEDULER: config.embedded.scheduler and not in_front,
        DELIVERY: config.delivery.worker,
        LISTENER: config.notifications.listener and in_front,
    }
    return [group for group, is_wanted in wanted.items() if is_wanted]


def make(
    service: Service, groups: Iterable[str], config: cfg.ConfigOpts | None = None
) -> list[Part]:
    """The parts of some groups.

    :param config: where the options of the listener are; a service on a database of its own has
        none.
    """
    parts: list[Part] = []
    for group in groups:
        if group == SCHEDULER:
            parts += _scheduler(service)
        elif group == DELIVERY:
            parts += _delivery(service)
        elif config is not None:
            parts += _listener(service, config)
    return parts


def _scheduler(service: Service) -> list[Part]:
    from blazarclient.server.backends.embedded.scheduler import Scheduler

    made = Scheduler(context_factory(service), owner())
    return [_part(SCHEDULER, made)]


def _delivery(service: Service) -> list[Part]:
    from blazarclient.server.delivery.outbound import Outbound
    from blazarclient.server.delivery.worker import Worker
    from blazarclient.server.notifications.sweeper import Sweeper
    from blazarclient.server.notifications.timers import Timers

    contexts, settings = context_factory(service), service.settings
    outbound = Outbound(settings.allow_cidrs, settings.deny_cidrs, settings.allow_loopback)
    return [
        _part(DELIVERY, Worker(contexts, owner(), outbound)),
        _part('timers', Timers(contexts)),
        _part('sweeper', Sweeper(contexts)),
    ]


def _listener(service: Service, config: cfg.ConfigOpts) -> list[Part]:
    from blazarclient.server.notifications.blazar import Blazar
    from blazarclient.server.notifications.comparison import Comparison

    contexts = context_factory(service)
    interval = config.blazar.comparison_interval
    blazar = Blazar.of(config)
    comparison = Comparison(contexts, blazar, interval)
    made = [_part('comparison', comparison)]
    if config.notifications.transport_url:
        from blazarclient.server.notifications.bus import Listener

        listener = Listener(contexts, config, blazar.get_lease, comparison.wake)
        comparison.follow(listener.idle_seconds)
        made.append(_part(LISTENER, listener))
    return made


def _part(name: str, made: object) -> Part:
    """A part of an object that has ``run``, and perhaps ``wake`` and ``trouble``."""
    return Part(
        name,
        made.run,  # type: ignore[attr-defined]
        getattr(made, 'wake', _nothing),
        getattr(made, 'trouble', _no_trouble),
    )
