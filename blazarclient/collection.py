"""A collection of the API: list, find and get its resources; each adds what else it can."""

from __future__ import annotations

import builtins
import json
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from blazarclient import exception, streaming
from blazarclient.answers import PIECE, Answer, Interrupted, chunks
from blazarclient.model import Origin, Resource
from blazarclient.transport import Transport
from blazarclient.versions import Spoken

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = ['Collection', 'DeletableCollection']

R = TypeVar('R', bound=Resource)

#: What is safe to look for in the raw text of an answer: no JSON writer escapes these.
_PLAIN_NAME = re.compile(r'[A-Za-z0-9 ._:@+=-]+')
#: How many texts of a list are remembered, so that equal ones are kept once.
_SEEN = 2000


class Collection(Generic[R]):
    """The resources of one kind.

    Each method sends one request, unless its text says otherwise. It raises
    :class:`~blazarclient.exception.HTTPError` when the service answers with an error, and
    :class:`~blazarclient.exception.ConnectionFailed` when it does not answer.
    """

    #: What it holds.
    RESOURCE: type[R]
    #: Its path below the endpoint.
    PATH: ClassVar[str]
    #: The keys of one object and of the list in answers.
    ONE: ClassVar[str]
    MANY: ClassVar[str]
    #: The attribute that people call an object by, and what it is called in errors.
    NAME: ClassVar[str] = 'name'
    NOUN: ClassVar[str]
    #: The form of an id. A name may have it, too.
    ID: ClassVar[re.Pattern[str]] = re.compile(
        r'[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'
    )
    #: Attributes that tell objects of one name apart, in the error that lists them.
    TELL_APART: ClassVar[tuple[str, ...]] = ()

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def transport(self) -> Transport:
        return self._client.transport

    def _url(self, resource_id: str) -> str:
        return f'{self.PATH}/{self._segment(resource_id)}'

    def _segment(self, resource_id: str) -> str:
        given: object = resource_id
        quoted = urllib.parse.quote('' if given is None else str(given), safe='')
        # An empty or dotted segment would reach another path.
        if quoted.strip('.') in ('', '%20'):
            raise exception.InvalidInput(f'{resource_id!r} is not the ID of a {self.NOUN}.')
        return quoted

    def _read(self, wire: Mapping[str, Any], spoken: Spoken) -> R:
        return self.RESOURCE.read(wire, spoken, self._client)

    def _one(self, answer: Answer) -> R:
        """The single object of an answer."""
        body = answer.json()
        if not isinstance(body, dict) or not isinstance(body.get(self.ONE), dict):
            raise answer.not_ours(f'no {self.ONE}: {str(body)[:80]!r}')
        return self._read(body[self.ONE], answer.spoken)

    def _many(self, answer: Answer) -> builtins.list[dict[str, Any]]:
        """The objects of an answer that is short."""
        body = answer.json()
        found = body.get(self.MANY) if isinstance(body, dict) else None
        if not isinstance(found, builtins.list):
            raise answer.not_ours(f'no list of {self.MANY}: {str(body)[:80]!r}')
        return found

    # ----------------------------------------------------------------------- reading

    def list(self, fields: Sequence[str] | None = None) -> builtins.list[R]:
        """All that the service shows, in its order.

        :param fields: attributes or keys that are wanted; the others are dropped while the
            answer arrives, so that a long list takes little memory.
        """
        return self._listed(fields, self.PATH)

    def _listed(self, fields: Sequence[str] | None, path: str) -> builtins.list[R]:
        """All that the service shows at a path, which may have a query."""
        found = self.transport.again(
            lambda: [item for batch in self._batches(fields, path=path) for item in batch]
        )
        # Any key that the service sends may be asked for; one that it never sends is a mistake.
        for name in (fields or ()) if found else ():
            if not any(self._key(name) in item for item in found):
                self.RESOURCE.field(name)
        return found

    def iterate(self, fields: Sequence[str] | None = None) -> Iterator[R]:
        """The same one by one, while the answer arrives.

        :raises blazarclient.exception.ConnectionFailed: also between two objects, when the
            connection breaks.
        """
        for batch in self._batches(fields):
            yield from batch

    def _batches(
        self, fields: Sequence[str] | None = None, needle: bytes = b'', path: str | None = None
    ) -> Iterator[builtins.list[R]]:
        """The list in the pieces that it arrives in.

        :param needle: pieces whose text does not hold it are not even parsed.
        :param path: where the list is, if not where the collection is.
        """
        keys = [self._key(name) for name in fields] if fields is not None else None
        # Dates, projects and states repeat in a list; they are kept once, where few are kept.
        seen: dict[Any, Any] = {}
        try:
            answer = self.transport.read(path or self.PATH, since=self.RESOURCE.SINCE, stream=True)
        except exception.NotFound as error:
            if not error.hint:
                error.message += (
                    f': there are no {self.NOUN}s at {error.url}. Check the address of the '
                    'service, and that it offers them.'
                )
            raise
        origin = Origin(answer.spoken, self._client)
        # Little of a large piece is kept, so small ones make do with less memory.
        size = PIECE if keys is None else PIECE // 4
        try:
            for batch in streaming.objects(chunks(answer, size), self.MANY, needle):
                if not all(isinstance(wire, dict) for wire in batch):
                    raise answer.not_ours(f'{self.MANY} that are no objects: {str(batch)[:80]}')
                if keys is not None:
                    if len(seen) > _SEEN:
                        seen.clear()
                    batch = [
                        {key: _once(wire[key], seen) for key in keys if key in wire}
                        for wire in batch
                    ]
                yield self.RESOURCE.read_all(origin, batch)
            return
        except streaming.Truncated as error:
            if not needle:
                raise Interrupted(f'The answer was cut off: {error}.') from None
        except streaming.NoList as error:
            raise answer.not_ours(str(error)) from None
        # Text was passed over that cannot be passed over: read all of it.
        yield from self._batches(fields, path=path)

    def _key(self, name: str) -> str:
        field = self.RESOURCE.FIELDS.get(name)
        return field.wire if field else name

    def get(self, resource_id: str) -> R:
        """The object with this ID.

        :raises blazarclient.exception.NotFound: when there is none.
        """
        return self._one(self.transport.read(self._url(resource_id), since=self.RESOURCE.SINCE))

    def find(self, name_or_id: str) -> R:
        """The object with this name or ID.

        A text in the form of an ID is tried as one first; a name takes one request for the
        list, whatever its length.

        :raises blazarclient.exception.NotFound: when there is none.
        :raises blazarclient.exception.NoUniqueMatch: naming the candidates.
        """
        given: object = name_or_id
        if not isinstance(given, str):
            raise exception.InvalidInput(f'{name_or_id!r} is not the name or ID of a {self.NOUN}.')
        if self.ID.fullmatch(name_or_id):
            try:
                return self.get(name_or_id)
            except exception.NotFound:
                pass
        found = self._named(name_or_id)
        if len(found) == 1:
            return found[0]
        if not found:
            missing = exception.NotFound(
                f'No {self.NOUN} with the name or ID {name_or_id!r} was found among those that '
                f'this user may see.',
                code=404,
            )
            missing.status = 404
            raise missing
        raise exception.NoUniqueMatch(
            f'{len(found)} {self.NOUN}s have the name {name_or_id!r}; use the ID:\n'
            + '\n'.join(self._candidate(item) for item in found)
        )

    def _named(self, name: str) -> builtins.list[R]:
        """The objects of a name; what cannot be one of them is not even parsed."""
        key = self._key(self.NAME)
        needle = json.dumps(name).encode() if _PLAIN_NAME.fullmatch(name) else b''
        found = self.transport.again(
            lambda: [
                item
                for batch in self._batches(needle=needle)
                for item in batch
                if item.get(key) == name
            ]
        )
        return builtins.list({item.get('id'): item for item in found}.values())

    def _candidate(self, item: R) -> str:
        told = '  '.join(str(item.get(self._key(name))) for name in self.TELL_APART)
        return f'  {item.get("id")}  {told}'.rstrip()

    # ----------------------------------------------------------------------- writing

    def _write(
        self,
        method: str,
        path: str,
        values: Mapping[str, object],
        *,
        idempotent: bool = False,
    ) -> Answer:
        """Send attributes as a body, in the form of the version spoken."""
        cls = self.RESOURCE
        return self.transport.write(
            method,
            path,
            lambda spoken: cls.encode(values, spoken),
            since=cls.SINCE,
            needs=cls.needs,
            idempotent=idempotent,
        )

    def _post(self, body: Mapping[str, Any]) -> R:
        """Make an object from a body that is in the wire's form already."""
        return self._one(
            self.transport.write(
                'POST',
                self.PATH,
                self._checked(body),
                since=self.RESOURCE.SINCE,
                needs=self.RESOURCE.needs,
            )
        )

    def _checked(self, body: Mapping[str, Any]) -> Callable[[Spoken], Mapping[str, Any]]:
        """Gives the body, or refuses it at a version that lacks one of its fields."""

        def encode(spoken: Spoken) -> Mapping[str, Any]:
            self.RESOURCE.check(body, spoken)
            return body

        return encode


class DeletableCollection(Collection[R]):
    """Resources that can be deleted by their path."""

    def delete(self, resource_id: str) -> None:
        """Delete the object with this ID.

        :raises blazarclient.exception.NotFound: when there is none.
        """
        self.transport.delete(self._url(resource_id), since=self.RESOURCE.SINCE)


def _once(value: Any, seen: dict[Any, Any]) -> Any:
    """The value, as the same object as an equal text that was seen before."""
    return seen.setdefault(value, value) if type(value) is str else value
