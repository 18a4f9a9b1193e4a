"""What a sandbox begins with, as a YAML file says it.

::

    hosts:                  # instead of those of --hosts
    - {name: compute-1, vcpus: 8, memory_mb: 16384, local_gb: 200}
    - {name: spare, vcpus: 8, memory_mb: 16384, local_gb: 200, registered: false}
    capabilities:           # of hosts
      compute-1: {gpu: 'True', rack: r1}
    flavors:                # instead of m1.small and m1.large
    - {name: m1.tiny, vcpus: 1, ram: 512, disk: 1}
    networks:               # instead of public
    - name: public
      cidr: 203.0.113.0/24
      gateway_ip: 203.0.113.1
      allocation_pools: [{start: 203.0.113.10, end: 203.0.113.99}]
    floatingips:
    - {network: public, address: 203.0.113.100}
    leases:
    - name: training
      user: alice
      start_date: now       # also +1h, -30m, 2026-11-21 15:00; always UTC
      end_date: +4h
      reservations:         # as the API wants them; flavor_id and network_id may be names
      - {resource_type: 'virtual:floatingip', network_id: public, amount: 1}

Every part may be left out. What is wrong is told with the entry that it stands in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from blazarclient import exception, times

__all__ = ['BadSeed', 'Hypervisor', 'LeaseSeed', 'Seed', 'check', 'moment', 'read']

_Read = TypeVar('_Read')


class BadSeed(ValueError):
    """What is wrong with a seed, and where; in one line."""


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """A machine."""

    name: str
    vcpus: int
    memory_mb: int
    local_gb: int
    availability_zone: str = 'nova'
    #: Whether it can be reserved from the start.
    registered: bool = True
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaseSeed:
    """A lease; its times are texts that :func:`moment` reads."""

    #: How errors name it.
    entry: str
    name: str
    user: str
    start_date: str
    end_date: str
    before_end_date: str | None
    reservations: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Seed:
    """All of a seed; None for what it does not say."""

    hosts: Sequence[Hypervisor] | None
    #: Name of the host -> capabilities.
    capabilities: Mapping[str, Mapping[str, str]]
    #: Rows of the table, without ``id``.
    flavors: Sequence[Mapping[str, Any]] | None
    #: Rows of the table of subnets, without IDs.
    networks: Sequence[Mapping[str, Any]] | None
    #: Name of the network, and address.
    floatingips: Sequence[tuple[str, str]]
    leases: Sequence[LeaseSeed]


def read(path: str, users: Collection[str]) -> Seed:
    """Read a seed from a YAML file.

    :param users: names of the users that there are.
    :raises BadSeed: when it cannot be read.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise BadSeed(f'Cannot be read: {error.strerror}') from None
    except UnicodeDecodeError:
        raise BadSeed('Cannot be read: it is no text in UTF-8') from None
    except yaml.YAMLError as error:
        raise BadSeed(f'This is no YAML: {" ".join(str(error).split())}') from None
    return check({} if content is None else content, users)


def check(content: object, users: Collection[str]) -> Seed:
    """Read a seed from what a YAML file holds.

    :param users: names of the users that there are.
    :raises BadSeed: when something is wrong.
    """
    whole = _Entry(content, 'The file')
    hosts = whole.part('hosts', _host)
    flavors = whole.part('flavors', _flavor)
    networks = whole.part('networks', _network)
    given = whole.take('capabilities', 'names of hosts, each with its capabilities', {}, _mapping)
    capabilities = {
        str(name): _capabilities(_Entry(values, f'capabilities, {name}'))
        for name, values in given.items()
    }
    floatingips = [_floatingip(each) for each in whole.entries('floatingips')]
    leases = [_lease(each, users) for each in whole.entries('leases')]
    whole.end()
    _once('hosts', [each.name for each in hosts or ()])
    _once('flavors', [each['name'] for each in flavors or ()])
    _once('networks', [each['network_name'] for each in networks or ()])
    return Seed(hosts, capabilities, flavors, networks, floatingips, leases)


def moment(text: str, now: datetime) -> datetime:
    """Read a time: what the client reads, and ``-30m`` for what is past.

    :param now: what the clock shows, naive UTC; times are counted from its full minute.
    :returns: naive UTC, a full minute.
    :raises ValueError: when the text is no time.
    """
    minute = now.replace(second=0, microsecond=0)
    try:
        if text.startswith('-'):
            found = minute - times.parse_duration(text[1:])
        else:
            found = times.parse_time(text, now=minute.replace(tzinfo=UTC)).replace(tzinfo=None)
    except exception.InvalidInput as error:
        raise ValueError(str(error)) from None
    except OverflowError:
        raise ValueError(f'{text!r} is before the year 1') from None
    return found.replace(second=0, microsecond=0)


class _Entry:
    """A mapping of the file, whose keys are taken one after the other."""

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            raise BadSeed(f'{where}: expected names with values, not {_shown(content)}')
        self.where = where
        self._rest = dict(content)
        self._known: list[str] = []

    def take(
        self, key: str, wanted: str, default: Any = None, fits: Callable[[Any], bool] | None = None
    ) -> Any:
        """The value of a key.

        :param wanted: what it has to be, for the error.
        :param default: what it is when it is not given; None when it has to be.
        :param fits: whether a value is right; by default whether it is a text.
        """
        self._known.append(key)
        value = self._rest.pop(key, None)
        if value is None:
            if default is None:
                raise BadSeed(f'{self.where}: {key} is missing; it is {wanted}')
            return default
        if not (fits or _text)(value):
            raise BadSeed(f'{self.where}: {key} is {wanted}, not {_shown(value)}')
        return value

    def number(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number."""
        fits = _number_from(least)
        value: int = self.take(key, f'a whole number, {least} or more', default, fits)
        return value

    def entries(self, key: str) -> Iterator[_Entry]:
        """The entries of a list, which may be left out."""
        values = self.take(key, 'a list', [], lambda value: isinstance(value, list))
        for number, value in enumerate(values, 1):
            name = value.get('name') if isinstance(value, dict) else None
            yield _Entry(value, f'{key}, entry {number}' + (f' ({name})' if name else ''))

    def part(self, key: str, each: Callable[[_Entry], _Read]) -> list[_Read] | None:
        """A list, read entry by entry; None where it is left out."""
        given = self._rest.get(key) is not None
        found = [each(entry) for entry in self.entries(key)]
        return found if given else None

    def rest(self) -> dict[Any, Any]:
        """All that has not been taken."""
        rest, self._rest = self._rest, {}
        return rest

    def end(self) -> None:
        """Refuse keys that nobody has taken: they are misspelled."""
        if self._rest:
            unknown = ', '.join(str(key) for key in self._rest)
            raise BadSeed(f'{self.where}: unknown: {unknown}; there are: {", ".join(self._known)}')


def _host(entry: _Entry) -> Hypervisor:
    host = Hypervisor(
        name=entry.take('name', 'the name of the hypervisor'),
        vcpus=entry.number('vcpus', least=1),
        memory_mb=entry.number('memory_mb', least=1),
        local_gb=entry.number('local_gb'),
        availability_zone=entry.take('availability_zone', 'a text', 'nova'),
        registered=entry.take('registered', 'true or false', True, _truth),
        capabilities=_capabilities(
            _Entry(entry.take('capabilities', 'names with values', {}, _mapping), entry.where)
        ),
    )
    entry.end()
    return host


def _capabilities(entry: _Entry) -> dict[str, str]:
    found = {}
    for name, value in entry.rest().items():
        if not _text(name) or name in {'id', 'name', 'trust_id'}:
            raise BadSeed(f'{entry.where}: {_shown(name)} cannot be the name of a capability')
        if not isinstance(value, (str, int, float)):
            raise BadSeed(f'{entry.where}: {name} is a text, not {_shown(value)}')
        found[name] = str(value)
    return found


def _flavor(entry: _Entry) -> dict[str, Any]:
    specs = entry.take('extra_specs', 'names with values', {}, _mapping)
    flavor = {
        'name': entry.take('name', 'the name of the flavor'),
        'vcpus': entry.number('vcpus', least=1),
        'ram': entry.number('ram', least=1),
        'disk': entry.number('disk'),
        'ephemeral': entry.number('ephemeral', 0),
        'extra_specs': {str(name): str(value) for name, value in specs.items()},
    }
    entry.end()
    return flavor


def _network(entry: _Entry) -> dict[str, Any]:
    name = entry.take('name', 'the name of the network')
    text = entry.take('cidr', 'a range of addresses such as 203.0.113.0/24')
    try:
        cidr = ipaddress.ip_network(text)
    except ValueError as error:
        raise BadSeed(f'{entry.where}: cidr: {error}') from None

    def address(given: _Entry, key: str) -> str:
        value = given.take(key, f'an address in {cidr}')
        try:
            inside = ipaddress.ip_address(value) in cidr
        except ValueError:
            inside = False
        if not inside:
            raise BadSeed(f'{given.where}: {key} is an address in {cidr}, not {_shown(value)}')
        return str(value)

    pools = []
    gateway_ip = address(entry, 'gateway_ip')
    for pool in entry.entries('allocation_pools'):
        pool.where = f'{entry.where}: {pool.where}'
        pools.append({'start': address(pool, 'start'), 'end': address(pool, 'end')})
        pool.end()
    entry.end()
    return {
        'network_name': name,
        'cidr': str(cidr),
        'gateway_ip': gateway_ip,
        'allocation_pools': pools,
    }


def _floatingip(entry: _Entry) -> tuple[str, str]:
    found = entry.take('network', 'the name of a network'), entry.take('address', 'an address')
    entry.end()
    return found


def _lease(entry: _Entry, users: Collection[str]) -> LeaseSeed:
    names = f'one of {", ".join(users)}'
    wanted = 'a time: now, +2h, -30m or YYYY-MM-DD HH:MM (UTC)'
    lease = LeaseSeed(
        entry=entry.where,
        name=entry.take('name', 'the name of the lease'),
        user=entry.take('user', names, None, lambda value: _text(value) and value in users),
        start_date=_time_text(entry.take('start_date', wanted, 'now', _is_time)),
        end_date=_time_text(entry.take('end_date', wanted, None, _is_time)),
        before_end_date=_time_text(entry.take('before_end_date', wanted, '', _is_time)) or None,
        reservations=[each.rest() for each in entry.entries('reservations')],
    )
    entry.end()
    return lease


def _once(part: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise BadSeed(f'{part}: there are two of the name {name}')


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ''


def _truth(value: object) -> bool:
    return isinstance(value, bool)


def _mapping(value: object) -> bool:
    return isinstance(value, dict)


def _number_from(least: int) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31
    )


def _is_time(value: object) -> bool:
    # YAML reads some texts as times.
    if isinstance(value, date):
        return True
    # Any time will do here; the clock that counts is the service's.
    try:
        moment(str(value), datetime.now(UTC).replace(tzinfo=None))
    except ValueError:
        return False
    return isinstance(value, str)


def _time_text(value: str | date) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _shown(value: object) -> str:
    shown = 'nothing' if value is None else repr(value)
    return shown if len(shown) <= 60 else f'{shown[:60]}...'
