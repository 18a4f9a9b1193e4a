"""Which status an error has from microversion 1.1 on: 5xx only for the service's own faults.

At 1.0 Blazar answers 500 also for what a user asks wrongly: no room, an unknown property, a text
where a number should be. Whether it is this service or a Blazar that says so, from 1.1 on it is
told by the sentence, in the order of the table.
"""

from __future__ import annotations

import re

from blazarclient.server import errors

__all__ = ['modern', 'status_of']

#: A sentence of Blazar with which it answers 500 -> the status and the code from 1.1 on.
_SENTENCES: tuple[tuple[re.Pattern[str], int, str], ...] = tuple(
    (re.compile(pattern), status, code)
    for pattern, status, code in (
        (r'Not enough hosts available', 409, 'reservation.not-enough-hosts'),
        (r'Invalid lease status\.', 409, 'reservation.invalid-status'),
        (r'The .* resource type is not supported', 400, 'reservation.unknown-resource-type'),
        (r'BlazarDBDuplicateEntry: .*', 409, 'reservation.conflict'),
        (r'BlazarDBNotFound: .*', 400, 'reservation.unknown-property'),
        (r'BlazarDBInvalidResourceProperty: .*', 404, 'reservation.not-found'),
        (r'BlazarDBInvalidFilter\w*: .*', 400, 'reservation.invalid-input'),
        (r'BlazarDBForbidden: .*', 409, 'reservation.conflict'),
        (r'BlazarDBResourceProperty\w*: .*', 409, 'reservation.conflict'),
    )
)

#: What only the making of a lease can say of its request. Of two changes of a lease at one time one
#: fails half-way with the same sentence, and a client may send that one again.
_NOT_OF_CHANGES = 'reservation.unknown-property'

#: What a user is told instead of "Internal Server Error".
WRONG_VALUE = 'A value of the request is missing, of the wrong kind, too long or out of range.'


def status_of(status: int, sentence: str, method: str = 'POST') -> tuple[int, str | None]:
    """The status from 1.1 on of an error that Blazar answers, and its code where it has one.

    :param status: Blazar's.
    :param sentence: its ``error_message``.
    :param method: of the request.
    """
    if status == 500:
        for pattern, modern_status, code in _SENTENCES:
            if pattern.fullmatch(sentence.strip()):
                if code == _NOT_OF_CHANGES and method != 'POST':
                    break
                return modern_status, code
    return status, None


def modern(error: errors.ServiceError) -> errors.ServiceError:
    """An error as it is told from 1.1 on.

    At what Blazar itself trips over (:class:`~blazarclient.server.errors.Internal`) this service
    knows that the request is to blame; of its own faults (``Unexpected``) it does not.
    """
    if isinstance(error, errors.Unexpected):
        return error
    if isinstance(error, errors.Internal):
        if error.status != 500:
            return error
        return errors.InvalidInput(WRONG_VALUE)
    status, code = status_of(error.status, str(error))
    if (status, code) == (error.status, None):
        return error
    told = errors.ServiceError(str(error), status=status, code=code)
    told.retry_after = error.retry_after
    return told
