"""Whether an endpoint wants to be told: asked before the first delivery.

The CloudEvents handshake (HTTP WebHooks 1.0, section 4): an OPTIONS request with the name of this
service, answered with the names that may send. Few receivers know it. Others take a signed test as
they take any notification, or answer a GET with 204.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blazarclient.server.delivery import message
from blazarclient.server.delivery.batches import Question
from blazarclient.server.delivery.outbound import BAD_RESPONSE, Outbound, Outcome

__all__ = ['verify']

_ORIGIN = 'webhook-allowed-origin'


def verify(outbound: Outbound, question: Question, source: str) -> Outcome:
    """Ask an endpoint in the way that its subscription names, or in each until one succeeds.

    :param source: what notifications say that they come from: ``//reservation.example.org/v1``.
    :returns: without an error when it wants to be told.
    """
    if question.way != 'auto':
        return _WAYS[question.way](outbound, question, source)
    outcome = _options(outbound, question, source)
    if outcome.error is None or outcome.status is None:
        # Whoever cannot be reached need not be asked again.
        return outcome
    outcome = _test(outbound, question, source)
    if outcome.error is None or outcome.status is None:
        return outcome
    # What was wrong with the test is what its owner can put right.
    return outcome if (found := _get(outbound, question, source)).error else found


def _options(outbound: Outbound, question: Question, source: str) -> Outcome:
    origin = source.removeprefix('//').partition('/')[0]
    sent = {'webhook-request-origin': origin, 'user-agent': message.USER_AGENT}
    outcome = outbound.send('OPTIONS', question.target.url, sent)
    allowed = outcome.headers.get(_ORIGIN, '').strip().lower()
    if outcome.error is None and allowed not in {'*', origin.lower()}:
        return _refused(outcome, BAD_RESPONSE)
    return outcome


def _test(outbound: Outbound, question: Question, source: str) -> Outcome:
    target = question.target
    sent = message.headers(
        target.secrets, target.id, question.message_id, question.attempts + 1, question.body
    )
    return outbound.send('POST', target.url, sent, question.body)


def _get(outbound: Outbound, question: Question, source: str) -> Outcome:
    outcome = outbound.send('GET', question.target.url, {'user-agent': message.USER_AGENT})
    if outcome.error is None and outcome.status != 204:
        return _refused(outcome, f'http-{outcome.status}')
    return outcome


def _refused(outcome: Outcome, error: str) -> Outcome:
    """An answer that is no yes."""
    return Outcome(outcome.status, error, outcome.latency_ms, outcome.head, outcome.headers)


_WAYS: Mapping[str, Callable[[Outbound, Question, str], Outcome]] = {
    'options': _options,
    'test': _test,
    'get': _get,
}
