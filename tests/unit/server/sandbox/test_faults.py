"""Faults on demand."""

import time

import pytest

from blazarclient import exception, testing
from blazarclient.server.sandbox import faults
from tests.unit.server.sandbox.conftest import Ask

HOSTS = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}


@pytest.mark.parametrize(
    ('text', 'what', 'seconds', 'left'),
    [
        ('POST /v1/leases 503 x3', '503', 0.0, 3),
        ('get /v1/* 500', '500', 0.0, None),
        ('*  *   cut', 'cut', 0.0, None),
        ('DELETE /v1/leases/* refuse x1', 'refuse', 0.0, 1),
        ('GET / delay=0.25 x2', 'delay', 0.25, 2),
    ],
)
def test_rules(text: str, what: str, seconds: float, left: int | None) -> None:
    """A rule says what goes wrong, and how often."""
    rule = faults.parse(text)
    assert (rule.what, rule.seconds, rule.left) == (what, seconds, left)
    assert rule.text == ' '.join(text.split())


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'three or four words'),
        ('503', 'three or four words'),
        ('POST /v1/leases 503 x3 x4', 'three or four words'),
        ('P0ST /v1/leases 503', "'P0ST' is no HTTP method"),
        ('POST v1/leases 503', "'v1/leases' does not begin with /"),
        ('POST /v1/leases 200', "'200' is nothing that can go wrong"),
        ('POST /v1/leases delay=', "'delay=' is nothing that can go wrong"),
        ('POST /v1/leases 503 x0', "'x0' does not say how often"),
        ('POST /v1/leases 503 3', "'3' does not say how often"),
    ],
)
def test_texts_that_are_no_rule(text: str, why: str) -> None:
    """The error says what is wrong, and how a rule looks."""
    with pytest.raises(faults.BadRule, match='METHOD PATH WHAT') as caught:
        faults.parse(text)
    assert why in str(caught.value)


def test_the_first_rule_that_applies_is_taken() -> None:
    """A rule that has been used up lets the next one have its turn, or nothing goes wrong."""
    rules = faults.Faults(map(faults.parse, ('GET /a* 500 x1', 'GET /ab 501 x1', '* /c* 502')))

    def taken(method: str, path: str) -> str | None:
        rule = rules.take(method, path)
        return rule.what if rule else None

    assert [taken('GET', '/ab') for _ in range(3)] == ['500', '501', None]
    assert [taken('PUT', '/c/d'), taken('PUT', '/ab')] == ['502', None]
    assert [(each['applied'], each['left']) for each in rules.render()] == [
        (1, 0),
        (1, 0),
        (1, None),
    ]


def test_a_status_as_often_as_was_said(healthy: testing.Sandbox, ask: Ask) -> None:
    """The answer is an error in Blazar's form, and then all is well again."""
    healthy.fail('GET /v1/leases 503 x2')
    seen = [ask('GET', '/v1/leases') for _ in range(3)]
    assert [each.status for each in seen] == [503, 503, 200]
    assert seen[0].json['error_code'] == seen[0].json['error_name'] == 503
    assert 'the sandbox was told' in seen[0].json['error_message']
    assert seen[0].headers['x-openstack-request-id'].startswith('req-')
    assert healthy.faults() == [
        {'id': healthy.faults()[0]['id'], 'rule': 'GET /v1/leases 503 x2', 'applied': 2, 'left': 0}
    ]


def test_a_status_that_has_no_name(healthy: testing.Sandbox, ask: Ask) -> None:
    healthy.fail('GET /v1/leases 599 x1')
    assert ask('GET', '/v1/leases').status == 599


def test_identity_can_fail_too(healthy: testing.Sandbox, ask: Ask) -> None:
    healthy.fail('* /identity/* 500 x1')
    assert ask('GET', '/identity/v3').status == 500


def test_controls_do_not_fail(healthy: testing.Sandbox) -> None:
    """Or nobody could take the faults away."""
    healthy.fail('* * 500')
    healthy.heal()
    assert healthy.faults() == []


def test_delay(healthy: testing.Sandbox, ask: Ask) -> None:
    healthy.fail('GET /v1/leases delay=0.3 x1')
    began = time.monotonic()
    assert ask('GET', '/v1/leases').status == 200
    assert time.monotonic() - began >= 0.3


def test_refused_is_not_done(healthy: testing.Sandbox) -> None:
    """The connection is closed without an answer, and there is no lease."""
    healthy.fail('POST /v1/leases refuse')
    alice = healthy.client('alice', connect_retries=0)
    with pytest.raises(exception.ConnectionFailed):
        alice.lease.create('refused', 'now', '2100-01-01 00:00', [HOSTS], [])
    assert [each for each in alice.leases.list() if each.name == 'refused'] == []


def test_cut_is_done(healthy: testing.Sandbox) -> None:
    """Half of the answer comes; the client finds out that there is a lease, and makes no second."""
    healthy.fail('POST /v1/leases cut x1')
    alice = healthy.client('alice')
    lease = alice.leases.create('cut', 'now', '+1h', [HOSTS])
    assert [each.id for each in alice.leases.list() if each.name == 'cut'] == [lease.id]
    assert healthy.faults()[0]['applied'] == 1
    # A deletion has no body that could be halved: no answer comes at all.
    healthy.fail('DELETE /v1/leases/* cut x1')
    lease.wait().delete()
    assert healthy.faults()[1]['applied'] == 1
    with pytest.raises(exception.NotFound):
        lease.refresh()
