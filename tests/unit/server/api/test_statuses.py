"""5xx from 1.1 on only for faults of the service itself."""

from __future__ import annotations

import pytest

from blazarclient.server import errors
from blazarclient.server.api import statuses
from tests import recordings

_RECORDED = [
    each
    for each in recordings.load_all()
    if each.status == 500 and each.json['error_message'].partition(' ')[0] != 'Internal'
]


@pytest.mark.parametrize('recording', _RECORDED, ids=lambda each: each.name)
def test_what_blazar_blames_itself_for(recording: recordings.Recording) -> None:
    """Each recorded 500 that says what is wrong with the request is a 4xx with a code."""
    sentence = recording.json['error_message']
    if sentence.startswith('The server encountered'):
        # The body is no JSON, which is told before anybody is asked.
        return
    status, code = statuses.status_of(500, sentence)
    assert 400 <= status < 500
    assert code


@pytest.mark.parametrize(
    ('error', 'status'),
    [
        (errors.NotEnoughHosts(), 409),
        (errors.InvalidStatus(), 409),
        (errors.UnknownProperty(), 400),
        (errors.DatabaseRefused('BlazarDBDuplicateEntry'), 409),
        (errors.DatabaseRefused('BlazarDBInvalidFilterOperator'), 400),
        (errors.Internal(), 400),
        (errors.InvalidInput('wrong'), 400),
        (errors.Unexpected(), 500),
        (errors.Busy('later'), 503),
        (errors.BadGateway('nobody there'), 502),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_this_service_blames_itself_for(error: errors.ServiceError, status: int) -> None:
    """What a request is to blame for is 4xx; a fault of the service, or a wait, is not."""
    told = statuses.modern(error)
    assert told.status == status
    assert told.retry_after == error.retry_after
    if status == 400:
        assert 'Internal' not in str(told)
