"""Which microversion is spoken with a server, learned from answers to requests made anyway."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from blazarclient.versions import OLDEST, Pin, Spoken, Version, common

__all__ = ['Negotiation']

#: The part of an OpenStack-API-Version header that is about this service.
_OURS = re.compile(r'(?:^|,)\s*reservation\s+([0-9]{1,4}\.[0-9]{1,4})\s*(?:,|$)', re.IGNORECASE)


class Negotiation:
    """What is known of one server's versions. Safe to use from several threads.

    :param versions: the microversions that this client speaks.
    :param pin: the microversion that the user wants; it is never left.
    """

    def __init__(self, versions: Iterable[Version], pin: Pin | None = None) -> None:
        self.versions = sorted(versions)
        self.pin = pin
        self._known: Spoken | None = None
        self._last: tuple[str | None, str, Spoken | None, Spoken] | None = None
        self._lock = threading.Lock()

    @property
    def oldest(self) -> Version:
        """The oldest microversion that this client speaks."""
        return self.versions[0]

    @property
    def newest(self) -> Version:
        """The newest microversion that this client speaks."""
        return self.versions[-1]

    @property
    def spoken(self) -> Spoken | None:
        """The version in use and why it is not a higher one; None before the first answer."""
        if self.pin:
            return Spoken(self.pin.version, f'it is pinned by {self.pin.source}')
        return self._known

    def heard(self, header: str | None, asked: str) -> Spoken:
        """The version that an answer is to be read at, which is learned on the way.

        :param header: the answer's OpenStack-API-Version.
        :param asked: the version that the request asked for, or ``latest``.
        """
        last = self._last
        if last is not None and last[:3] == (header, asked, self._known):
            return last[3]
        spoken = self._heard(header, asked)
        self._last = (header, asked, self._known, spoken)
        return spoken

    def _heard(self, header: str | None, asked: str) -> Spoken:
        found = _OURS.search(header or '')
        said = Version.parse(found[1]) if found else OLDEST
        if self.pin:
            other = '' if said == self.pin.version else ', but the server answered at another one'
            return Spoken(said, f'{asked} is pinned by {self.pin.source}{other}')
        if not found:
            reason = f'the server names no version, which means {OLDEST}'
        elif said > self.newest:
            reason = 'the server is ahead of this client'
        elif said == self.newest:
            reason = 'this client speaks no higher one'
        elif asked == 'latest' or said < Version.parse(asked):
            reason = 'the server speaks no higher one'
        else:
            # The server did as it was asked to; it may well speak a higher version.
            known = self._known
            if known and known.version == said:
                return known
            return Spoken(said, 'no higher one was asked for yet')
        self._lower(Spoken(min(said, self.newest), reason))
        return Spoken(said, reason)

    def refused(self, server: tuple[str, str] | None, asked: str) -> Spoken | None:
        """The version to try instead, after a 406 that names the server's range.

        :returns: None when there is none, or when that version is what was asked for.
        """
        if self.pin:
            return None
        if server is not None:
            lowest, highest = Version.parse(server[0]), Version.parse(server[1])
            best = common((lowest, highest), newest=self.newest, oldest=self.oldest)
            if best is not None:
                self._lower(Spoken(best, f'the server speaks {lowest} to {highest}'))
        known = self._known
        return known if known and str(known.version) != asked else None

    def _lower(self, spoken: Spoken) -> None:
        """Servers behind one address may differ: only ever go down."""
        with self._lock:
            if self._known is None or spoken.version < self._known.version:
                self._known = spoken
