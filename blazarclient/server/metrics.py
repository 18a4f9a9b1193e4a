"""What a process of the service counts, for Prometheus.

The registry is this module's own: a process that holds the service beside something else keeps the
two apart. There are no labels that name a project, a user, a lease or a URL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

__all__ = [
    'BUS_MESSAGES',
    'COMPARISON_REPAIRS',
    'CONTENT_TYPE',
    'DELIVERED',
    'DELIVERY_SECONDS',
    'EXPIRED',
    'FAILED',
    'LAG_SECONDS',
    'UNREADABLE',
    'render',
]

CONTENT_TYPE = CONTENT_TYPE_LATEST

_PREFIX = 'reservation_gateway'
_REGISTRY = CollectorRegistry(auto_describe=True)
#: Seconds: a receiver nearby answers in milliseconds, and no answer is waited for longer than 15 s.
_OF_ONE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
#: Seconds: retries go on for days.
_OF_ALL = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 600, 3600, 86400)


def _counter(name: str, documentation: str) -> Counter:
    return Counter(name, documentation, namespace=_PREFIX, registry=_REGISTRY)


#: Deliveries that are over, by how they ended.
DELIVERED = _counter('deliveries_delivered', 'Deliveries that the receiver has accepted.')
FAILED = _counter('deliveries_failed', 'Deliveries that were given up.')
EXPIRED = _counter('deliveries_expired', 'Deliveries that nobody wants any more.')
#: One attempt: from the request to the answer.
DELIVERY_SECONDS = Histogram(
    'delivery_seconds',
    'Seconds of one attempt to deliver, whatever came of it.',
    namespace=_PREFIX,
    buckets=_OF_ONE,
    registry=_REGISTRY,
)
#: From the moment when something was noticed to the moment when a receiver has accepted it.
LAG_SECONDS = Histogram(
    'lag_seconds',
    'Seconds from when something was noticed to when it was delivered.',
    namespace=_PREFIX,
    buckets=_OF_ALL,
    registry=_REGISTRY,
)
COMPARISON_REPAIRS = _counter(
    'comparison_repairs', 'Notifications that only the comparison with the list of leases has made.'
)
BUS_MESSAGES = _counter('bus_messages', 'Messages of the bus that were worked on.')
UNREADABLE = _counter('bus_messages_unreadable', 'Messages of the bus that could not be read.')


def render(gauges: Mapping[str, tuple[str, float]]) -> bytes:
    """Everything, in Prometheus' text form.

    :param gauges: what is looked at only now: name (without the prefix) -> what it is, and value.
    """
    return generate_latest(_Looked(gauges)) + _counted()


def _counted() -> bytes:
    """What was counted: by this process, or by all that share ``PROMETHEUS_MULTIPROC_DIR``."""
    registry = _REGISTRY
    if os.environ.get('PROMETHEUS_MULTIPROC_DIR'):
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class _Looked(CollectorRegistry):
    """Values that were looked at just now."""

    def __init__(self, gauges: Mapping[str, tuple[str, float]]) -> None:
        super().__init__()
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge for each."""
        for name, (documentation, value) in self._gauges.items():
            yield GaugeMetricFamily(f'{_PREFIX}_{name}', documentation, value=value)
