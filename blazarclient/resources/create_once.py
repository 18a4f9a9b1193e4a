"""Making exactly one lease, or none, whatever the network does.

The request carries an ID of its own. An answer may be lost, or come from a proxy that does not
know what became of the request. Then the service is asked for the ID, and the request is sent
again under the same ID when there is no such lease. Of two requests with one ID, also of two at
the same time, Blazar carries out one and answers 409 to the other.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from blazarclient import exception
from blazarclient.answers import ConnectFailure
from blazarclient.transport import RETRY_STATUSES, pause_after

if TYPE_CHECKING:
    from blazarclient.resources.lease import Lease, Leases

__all__ = ['BE_MADE', 'SHOW_UP', 'SHOW_UP_SOON', 'TRIES', 'CreateOnce', 'is_lost']

#: How often a create whose fate is unknown is sent, always with the same ID.
TRIES = 5
#: Seconds that a lease may take to show up after its POST reached the service, before it is said
#: that there is none. Blazar 18 shows it after 0.3 to 0.6 s: it gets a trust from Keystone first.
SHOW_UP = 5.0
#: The same while the request will be sent again anyway.
SHOW_UP_SOON = 2.0
#: The same when the request was answered, which comes after the work.
SHOW_UP_ANSWERED = 0.5
#: Seconds that a lease may be in CREATING.
BE_MADE = 180.0

Doubt = exception.HTTPError | exception.ConnectionFailed


def is_lost(failure: Doubt) -> bool:
    """Whether it says nothing of what the service did with the request."""
    return isinstance(failure, exception.ConnectionFailed) or failure.status in RETRY_STATUSES


class CreateOnce:
    """One lease to be made.

    :param values: the attributes, with an ``id``.
    :param given: whether the ID is the user's, and may belong to another lease.
    """

    def __init__(self, leases: Leases, values: dict[str, object], *, given: bool) -> None:
        self._leases = leases
        self._values = values
        self._id = str(values['id'])
        self._given = given
        #: Whether a request was sent of which nothing is known.
        self._doubtful = False

    def run(self) -> Lease:
        """POST; in doubt ask for the ID, and POST again when there is no such lease."""
        for attempt in range(TRIES):
            outcome = self._post()
            if not isinstance(outcome, exception.BlazarClientException):
                return outcome
            doubt = outcome
            # A 409 in doubt was about a lease that has failed since: send it again to hear why.
            again = is_lost(doubt) or (self._doubtful and isinstance(doubt, exception.Conflict))
            pause = pause_after(doubt, attempt)
            last = not again or pause == math.inf or attempt == TRIES - 1
            made = self._look(doubt, last)
            if made is not None:
                return made
            if last:
                break
            self._doubtful = True
            time.sleep(pause)
        if isinstance(doubt, exception.HTTPError):
            raise doubt
        failed = ConnectFailure(f'No lease was made: {doubt}')
        raise failed from doubt

    def _post(self) -> Lease | Doubt:
        """The lease, or what leaves its fate open; a sure refusal is raised."""
        try:
            lease = self._leases.send(self._values)
        except exception.HTTPError as error:
            if not self._doubtful:
                self._raise_if_sure(error)
            return error
        except exception.ConnectionFailed as error:
            if not error.sent and not self._doubtful:
                raise
            return error
        except exception.VersionIgnored:
            raise
        except Exception as error:
            # Keystone's, say, when the token has expired meanwhile.
            if not self._doubtful:
                raise
            raise self._unknown(error) from error
        if self._doubtful and lease.get('id') != self._id:
            raise self._two_maybe(lease)
        return lease

    def _raise_if_sure(self, error: exception.HTTPError) -> None:
        """Raise the answer to the only request when it is a no."""
        if error.status == 409:
            if self._given:
                raise self._taken(error) from None
        elif error.status < 500 or isinstance(error, exception.NotEnoughResources):
            raise error

    def _look(self, doubt: Doubt, last: bool) -> Lease | None:
        """The lease once it is made, or None when there is none.

        :param last: whether no request will follow, so that None has to be sure.
        """
        patience = SHOW_UP if last else SHOW_UP_SOON
        if not self._doubtful and not is_lost(doubt):
            patience = SHOW_UP_ANSWERED
        began = time.monotonic()
        seen = False
        pause = 0.1
        while True:
            waited = time.monotonic() - began
            try:
                lease = self._leases.get(self._id)
            except exception.NotFound:
                # One that was being made and is gone has failed.
                if seen or waited > patience:
                    return None
            except exception.Forbidden as error:
                if self._given:
                    raise self._taken(error) from None
                raise self._unknown(error) from error
            except Exception as error:
                raise self._unknown(error) from error
            else:
                if lease.status != 'CREATING':
                    return lease
                if waited > BE_MADE:
                    raise self._unknown(doubt) from doubt
                seen = True
            time.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _taken(self, error: exception.HTTPError) -> exception.Conflict:
        """Blazar speaks of the name then, which misleads."""
        where = f'HTTP {error.status}, request {error.request_id or "unknown"}'
        taken = exception.Conflict(
            f'A lease with the ID {self._id} exists already ({where}). Use another ID, or none.'
        )
        taken.status, taken.request_id = 409, error.request_id
        return taken

    def _unknown(self, error: Exception) -> exception.OutcomeUnknown:
        unknown = exception.OutcomeUnknown(
            f'Whether the lease was made is not known: {error} Ask for it by its ID later: '
            f'{self._id}. Making it again under that ID never gives a second one.'
        )
        unknown.lease_id = self._id
        unknown.request_id = getattr(error, 'request_id', None)
        return unknown

    def _two_maybe(self, lease: Lease) -> exception.OutcomeUnknown:
        unknown = exception.OutcomeUnknown(
            f'The service made the lease {lease.get("id")}, but does not heed the ID that is sent '
            f'({self._id}), and an earlier request whose answer was lost may have made one, too. '
            f'Look for leases with the name {lease.get("name")!r}.'
        )
        unknown.lease_id = str(lease.get('id'))
        return unknown
