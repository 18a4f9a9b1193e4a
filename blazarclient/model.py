"""Fields and resources: a resource is the dict that the server sent, and knows its version.

A field is one statement; class, columns, documentation, error texts and fakes follow from it::

    class Lease(Resource):
        #: When the lease ends (UTC).
        end_date = Field(EndDate())
        #: Who hears of the lease.
        subscriptions = Field(Json(), since='1.1')

``lease['end_date']`` is the text of the wire, ``lease.end_date`` an aware datetime that is
decoded when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar

from blazarclient import exception
from blazarclient.edits import MISSING, Edits, TrackedDict, deep_copy
from blazarclient.fields import Field
from blazarclient.versions import HISTORY, OLDEST, Spoken, Version

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = ['Origin', 'Resource']

R = TypeVar('R', bound='Resource')


class Origin(NamedTuple):
    """Where an object came from; all objects of one answer share one."""

    spoken: Spoken
    client: Client | None


_BY_HAND = Origin(Spoken(OLDEST, 'the object did not come from a server'), None)


class Resource(TrackedDict):
    """An object of the API: the dict that the server sent, with typed attributes.

    Keys that this client does not know stay where they are. Every change is noted, so that
    ``save()`` sends what changed and nothing else.

    An attribute has one of four states: a value; None; not in this answer (None too, and
    :meth:`is_set` is False); not in this version
    (:class:`~blazarclient.exception.FieldNotAvailable`).
    """

    #: Attribute name -> field, in the order of their declaration.
    FIELDS: ClassVar[Mapping[str, Field[Any]]] = {}
    #: Key on the wire -> field.
    WIRE: ClassVar[Mapping[str, Field[Any]]] = {}
    #: The microversion that brought this resource.
    SINCE: ClassVar[Version] = OLDEST

    __slots__ = ('_origin',)
    _origin: Origin

    def __init_subclass__(
        cls, *, since: str | None = None, history: Mapping[str, str] = HISTORY
    ) -> None:
        super().__init_subclass__()
        cls.SINCE = Version.parse(since) if since else cls.SINCE
        fields = dict(cls.FIELDS)
        fields.update((n, f) for n, f in vars(cls).items() if isinstance(f, Field))
        for field in fields.values():
            for version in field.versions():
                if str(version) not in history:
                    raise exception.UnsupportedVersion(
                        f'{cls.__name__}.{field.name} names microversion {version}: add the line '
                        f"'{version}': '<what it changed>' to blazarclient.versions.HISTORY."
                    )
        cls.FIELDS = fields
        cls.WIRE = {field.wire: field for field in fields.values()}

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        self = super().__new__(cls)
        self._origin = _BY_HAND
        self._edits = None
        return self

    @classmethod
    def read(cls, wire: Mapping[str, Any], spoken: Spoken, client: Client | None) -> Self:
        """The object that an answer holds.

        :param wire: the object as the answer has it.
        :param spoken: the microversion that the answer named.
        :param client: where the object's methods send their requests.
        """
        return cls.read_from(Origin(spoken, client), wire)

    @classmethod
    def read_from(cls, origin: Origin, wire: Mapping[str, Any]) -> Self:
        """One of the objects that an answer holds."""
        return cls.read_all(origin, (wire,))[0]

    @classmethod
    def read_all(cls, origin: Origin, wires: Iterable[Mapping[str, Any]]) -> list[Self]:
        """The objects that an answer holds; in one loop, since they may be ten thousand."""
        new, update = dict.__new__, dict.update
        found = []
        for wire in wires:
            self = new(cls)
            update(self, wire)
            self._origin = origin
            self._edits = None
            found.append(self)
        return found

    # ------------------------------------------------------------- what it knows

    @property
    def _spoken(self) -> Spoken:
        return self._origin.spoken

    @property
    def _client(self) -> Client | None:
        return self._origin.client

    @property
    def client(self) -> Client:
        """The client that this object came from.

        :raises blazarclient.exception.InsufficientAuthInformation: for an object that was
            unpickled or made by hand.
        """
        if self._client is None:
            raise exception.InsufficientAuthInformation(
                f'This {type(self).__name__} has no client (it was unpickled or made by hand): '
                'get it anew from a collection of a client.'
            )
        return self._client

    @property
    def version(self) -> Version:
        """The microversion of the answer that this object came in."""
        return self._spoken.version

    @property
    def is_mine(self) -> bool | None:
        """Whether the object belongs to the project of the session; None when unknown."""
        owner = next((self.get(f.wire) for f in self.FIELDS.values() if f.tenancy), None)
        here = self._client.transport.project_id if self._client else None
        return None if owner is None or here is None else bool(owner == here)

    def is_set(self, name: str) -> bool:
        """Whether the answer held this attribute at all, be it None.

        :raises blazarclient.exception.InvalidInput: when the resource has no such attribute.
        """
        return self.field(name).wire in self

    @classmethod
    def field(cls, name: str) -> Field[Any]:
        """The field of an attribute's name.

        :raises blazarclient.exception.InvalidInput: with the nearest name, when there is none.
        """
        try:
            return cls.FIELDS[name]
        except KeyError:
            import difflib  # Only for errors: it takes a millisecond.

            near = difflib.get_close_matches(name, cls.FIELDS, 1)
            raise exception.InvalidInput(
                f'{cls.__name__} has no attribute {name!r}'
                + (f': did you mean {near[0]!r}?' if near else '.')
                + f' It has: {", ".join(cls.FIELDS)}.'
            ) from None

    # ------------------------------------------------------- what is written back

    @classmethod
    def encode(cls, values: Mapping[str, object], spoken: Spoken) -> dict[str, Any]:
        """A request's body from attributes and their values.

        :raises blazarclient.exception.InvalidInput: for an unknown attribute or a bad value.
        :raises blazarclient.exception.FieldNotAvailable: when the version spoken lacks one.
        """
        return {
            (field := cls.field(name)).wire: field.encode(value, spoken)
            for name, value in values.items()
        }

    @classmethod
    def check(cls, body: Mapping[str, Any], spoken: Spoken) -> None:
        """Look at a body that somebody made by hand.

        :raises blazarclient.exception.FieldNotAvailable: when the version spoken lacks one.
        """
        for key, value in body.items():
            field = cls.WIRE.get(key)
            if field is not None and value is not None:
                if not field.available(spoken.version):
                    raise field.not_available(spoken)
                field.type.check(value, spoken)

    @classmethod
    def needs(cls, body: Mapping[str, Any], at: Version) -> Version:
        """The lowest microversion that reads every field of a body as it is meant.

        :param at: the microversion whose form the body has.
        """
        lowest = cls.SINCE
        for key, value in body.items():
            field = cls.WIRE.get(key)
            if field is not None and value is not None:
                lowest = max(lowest, field.form(at), field.type.needs(value, at))
        return lowest

    def changes(self, spoken: Spoken | None = None) -> dict[str, Any]:
        """What was changed since the server's answer, in the wire's form.

        :param spoken: the version to write at, when it is not the one of the answer.
        :raises blazarclient.exception.FieldNotAvailable: when a changed field is none of the
            version spoken.
        :raises blazarclient.exception.InvalidInput: when a field was changed that only the
            service sets.
        """
        self._settle()
        spoken = spoken or self._spoken
        body: dict[str, Any] = {}
        for key, old in self._original.items():
            new = dict.get(self, key, MISSING)
            field = self.WIRE.get(key)
            if new is old or new == old:
                continue
            if new is MISSING and field:
                if not field.read_only and old is not None and old is not MISSING:
                    raise field.cannot_go()
                continue
            if field is None:
                body[key] = None if new is MISSING else new
                continue
            changed = field.update(old, new, self._spoken.version, spoken)
            if not field.is_nothing(old, changed):
                body[key] = changed
        return body

    def _take(self, answer: Resource) -> None:
        """Become what the server answered, and forget what had been changed."""
        dict.clear(self)
        dict.update(self, dict.items(answer))
        self._origin = answer._origin
        self._edits = None

    def _settle(self) -> None:
        """Write decoded values that were edited in place back into the wire's form."""
        for key, kept in self._edits.decoded.items() if self._edits else ():
            _settle_inside(kept.value)
            if kept.is_of(dict.get(self, key)) and kept.is_edited():
                wire = self.WIRE[key].encode(kept.value, self._spoken)
                self._remember(key)
                dict.__setitem__(self, key, wire)
                kept.settled(wire)
        for value in dict.values(self):
            _settle_inside(value)

    # ------------------------------------------------------------ copies and pickles

    def copy(self) -> Self:
        return self.__copy__()

    def __copy__(self) -> Self:
        self._settle()
        self._hand_out_all()
        twin = self.read_from(self._origin, dict(dict.items(self)))
        twin._edits = Edits(self._original) if self._edits else None
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        self._settle()
        wire = {key: deep_copy(value, memo) for key, value in dict.items(self)}
        twin = self.read_from(self._origin, wire)
        twin._edits = Edits(self._original) if self._edits else None
        return twin

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        self._settle()
        spoken = (str(self._spoken.version), self._spoken.reason)
        original = {
            key: [] if value is MISSING else [value] for key, value in self._original.items()
        }
        return _unpickle, (type(self), dict(dict.items(self)), spoken, original)

    # ---------------------------------------------------------- for people's own tests

    @classmethod
    def fake(cls, version: str | Version = OLDEST, **values: object) -> Self:
        """An object with an example in every field of a version, for tests of programs.

        :param version: the microversion whose form it has.
        :param values: attributes that shall have another value than the example.
        """
        at = Version.parse(version) if isinstance(version, str) else version
        spoken = Spoken(at, 'it is a fake')
        given = {cls.field(name).name: value for name, value in values.items()}
        wire = {}
        for name, field in cls.FIELDS.items():
            if name in given:
                wire[field.wire] = field.encode(given[name], spoken)
            elif field.available(at):
                wire[field.wire] = _lower(field, field.type.example_at(at), at)
        return cls.read(wire, spoken, None)


def _settle_inside(value: Any) -> None:
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, Resource):
            item._settle()


def _lower(field: Field[Any], wire: Any, version: Version) -> Any:
    for change in reversed(field.changes):
        if change.version > version and wire is not None:
            wire = change.down(wire)
    return wire


def _unpickle(
    cls: type[R], wire: dict[str, Any], spoken: tuple[str, str], original: dict[str, list[Any]]
) -> R:
    resource = cls.read(wire, Spoken(Version.parse(spoken[0]), spoken[1]), None)
    if original:
        known = {key: value[0] if value else MISSING for key, value in original.items()}
        resource._edits = Edits(known)
    return resource
