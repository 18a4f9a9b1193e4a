"""``/metrics``: what a process counts, and what is measured when it is asked."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from blazarclient.server import metrics
from blazarclient.server.api.rest import Service
from blazarclient.server.health import Health, Watched
from blazarclient.server.objects.notification import Notification
from tests.front_door import BEGIN, FrontDoor


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    made = FrontDoor()
    yield made
    made.close()


def scraped(door: FrontDoor) -> dict[str, float]:
    """Every value without labels, by its name."""
    service = Service(door.database, door.policy, door.settings)
    answer = Client(Watched(Health(service))).get('/metrics')
    assert (answer.status_code, answer.headers['Content-Type']) == (200, metrics.CONTENT_TYPE)
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
        if not sample.labels
    }


def publish(door: FrontDoor, number: int) -> None:
    ctx = door.context()
    Notification.publish(
        ctx, 'lease.created', f'test:{number}', source='backend', time=door.now, owner=('p', 'u')
    )


def test_counters_count(door: FrontDoor) -> None:
    """What the service counts is told under the names that the documentation has."""
    before = scraped(door)
    metrics.DELIVERED.inc()
    metrics.FAILED.inc(2)
    metrics.LAG_SECONDS.observe(0.3)
    after = scraped(door)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        'reservation_gateway_deliveries_delivered_total',
        'reservation_gateway_deliveries_failed_total',
        'reservation_gateway_lag_seconds_count',
        'reservation_gateway_lag_seconds_sum',
    }
    assert after['reservation_gateway_deliveries_failed_total'] == (
        before['reservation_gateway_deliveries_failed_total'] + 2
    )


def test_what_lags(door: FrontDoor) -> None:
    """The age of the oldest entry that nobody has looked at grows with the service's clock."""
    assert scraped(door)['reservation_gateway_log_lag_seconds'] == 0
    publish(door, 1)
    door.set_clock(BEGIN + timedelta(seconds=90))
    publish(door, 2)
    found = scraped(door)
    assert found['reservation_gateway_log_unsorted'] == 2
    assert found['reservation_gateway_log_lag_seconds'] == 90
    assert found['reservation_gateway_healthy'] == 1


def test_no_label_names_anybody(door: FrontDoor) -> None:
    """Labels are none but the bounds of histograms."""
    text = metrics.render({}).decode()
    labels = {
        label
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for label in sample.labels
    }
    assert labels == {'le'}


def test_a_process_counts_for_itself() -> None:
    """Nothing goes into the registry that the programs around it use."""
    code = (
        'import prometheus_client; from blazarclient.server import metrics; '
        'assert b"reservation_gateway" not in prometheus_client.generate_latest()'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_several_processes(tmp_path: object) -> None:
    """Those that share PROMETHEUS_MULTIPROC_DIR tell what all of them have counted."""
    code = 'from blazarclient.server import metrics; metrics.EXPIRED.inc()'
    tell = 'from blazarclient.server import metrics; print(metrics.render({}).decode())'
    environment = {'PROMETHEUS_MULTIPROC_DIR': str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, '-c', code], check=True, env=environment)
    told = subprocess.run(
        [sys.executable, '-c', tell], check=True, env=environment, capture_output=True, text=True
    )
    assert 'reservation_gateway_deliveries_expired_total 2.0' in told.stdout
