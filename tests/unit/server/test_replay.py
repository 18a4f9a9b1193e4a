"""Every call recorded from a real Blazar gets the recorded answer from this service, too.

Compared are the status, the sentence of an error, every key in its order with its type, every value
but IDs and times of writing, and the headers that clients look at.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping

import pytest

from tests.recordings import load_all
from tests.replay import Replayed, replay
from tests.unit.server.replay_days import DAYS

#: It names the newest microversion, or asks for one that Blazar does not have.
_RANGE = 'this service speaks 1.1 and 1.2, too; with a pin of 1.0 it answers as Blazar does'
#: Recording -> why its answer is another one here, and shall be.
DIFFERENCES: Mapping[str, str] = {
    'accept-none': 'Blazar closes the connection without an answer; this service answers in JSON',
    'active-update-start-same-minute-200': 'in the minute in which a lease begins Blazar lets its '
    'start be put off: it is active and holds nothing until then',
    'terminated-extend': 'in the minute in which a lease ends Blazar lets it go on: it holds '
    'nothing, and never ends again',
    'lease-update-status-field': 'Blazar shows the status that a user has sent until the change is '
    'done; here nobody sets a status, and the field is ignored as others are',
    'discovery-root-token': _RANGE,
    'discovery-versions-token': _RANGE,
    'lease-create-microversion-9.9-406': _RANGE,
    'microversion-bad-on-root': _RANGE,
    'microversion-reservation-1.1': _RANGE,
    'microversion-reservation-9.9': _RANGE,
    'microversion-reservation-latest': _RANGE,
}
#: The same for headers.
HEADER_DIFFERENCES: Mapping[str, str] = {
    'method-not-allowed-405': 'HTTP wants Allow in such an answer (RFC 9110, 15.5.6)',
    'microversion-reservation-1.1': _RANGE,
    'microversion-reservation-latest': _RANGE,
}

NAMES = [each.name for each in load_all()]


def test_every_recording_is_replayed_once() -> None:
    """No recording is forgotten, and what is listed as a difference is a recording."""
    replayed = collections.Counter(name for day in DAYS for name in day.recordings)
    assert replayed == dict.fromkeys(NAMES, 1)
    assert {*DIFFERENCES, *HEADER_DIFFERENCES} <= set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_same_answer(name: str) -> None:
    """The answer is the recorded one, or listed as a difference and another one indeed."""
    found = _replayed(name).body
    assert bool(found) == (name in DIFFERENCES), found or 'it is the same: take it off the list'


@pytest.mark.parametrize('name', NAMES)
def test_same_headers(name: str) -> None:
    """The headers that clients look at are there, or not there, as they were recorded."""
    found = _replayed(name).headers
    assert bool(found) == (name in HEADER_DIFFERENCES), found or 'they are the same'


def _replayed(name: str) -> Replayed:
    return next(replay(day)[name] for day in DAYS if name in day.recordings)
