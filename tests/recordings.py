"""The calls on a real Blazar in tests/wire, read into typed objects.

A file holds one call: lines with ``>`` are the request, lines with ``<`` the status and headers of
the answer, then comes the body as it was sent.
"""

import dataclasses
import functools
import json
import pathlib
import re
from typing import Any

WIRE = pathlib.Path(__file__).parent / 'wire'

_TOKEN = re.compile(r'<token of (\w+)>')

Headers = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Recording:
    """One call and its answer.

    ``name`` is the file's name without its ending, with ``rest-16/`` in front for Blazar 16.0.0.
    ``user`` is None when no token was sent. ``request_body`` is None when there was none.
    ``status`` is None where the server closed the connection without an answer.
    """

    name: str
    method: str
    path: str
    query: str
    user: str | None
    request_headers: Headers
    request_body: bytes | None
    status: int | None
    reason: str
    headers: Headers
    body: bytes

    @property
    def raw(self) -> bytes:
        """The answer as it travelled, status line and headers included."""
        if self.status is None:
            return b''
        lines = [f'HTTP/1.1 {self.status} {self.reason}']
        lines += [f'{key}: {value}' for key, value in self.headers]
        return '\r\n'.join([*lines, '', '']).encode('latin-1') + self.body

    @property
    def target(self) -> str:
        """Path and query as the request line had them."""
        return f'{self.path}?{self.query}' if self.query else self.path

    @property
    def request_id(self) -> str | None:
        """The answer's request id, None where it has none."""
        return self.header('x-openstack-request-id')

    @property
    def json(self) -> Any:
        """The answer's body, parsed; None when it is empty."""
        return json.loads(self.body) if self.body else None

    @property
    def request_json(self) -> Any:
        """The request's body, parsed; None when there is none or it is not JSON."""
        return parse_json(self.request_body)

    def header(self, name: str) -> str | None:
        """Value of one header of the answer."""
        return find_header(self.headers, name)

    def request_header(self, name: str) -> str | None:
        """Value of one header of the request."""
        return find_header(self.request_headers, name)


def find_header(headers: Headers, name: str) -> str | None:
    """Value of the first header of this name, in any case, or None."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def parse_json(body: bytes | None) -> Any:
    """Parse a body; None when there is none or it is not JSON."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _header(line: str) -> tuple[str, str]:
    key, _, value = line.partition(':')
    return key.strip(), value.strip()


def parse(name: str, text: bytes) -> Recording:
    """Read the text of one file."""
    asked, _, answered = text.partition(b'\n\n< ')
    lines = [line[2:].decode() for line in asked.split(b'\n')]
    method, target, _ = lines[0].split(' ')
    request_body = None
    if '' in lines:
        blank = lines.index('')
        request_body = '\n'.join(lines[blank + 1 :]).encode()
        lines = lines[:blank]
    path, _, query = target.partition('?')
    token = _TOKEN.search(' '.join(lines))
    head, _, body = answered.partition(b'\n\n')
    answer = head.decode('latin-1').rstrip('\n').split('\n')
    status, reason = None, ''
    if answer[0].startswith('HTTP/'):
        _, code, reason = answer[0].split(' ', 2)
        status = int(code)
    return Recording(
        name=name,
        method=method,
        path=path,
        query=query,
        user=token.group(1) if token else None,
        request_headers=tuple(_header(line) for line in lines[1:] if not line.startswith('(')),
        request_body=request_body,
        status=status,
        reason=reason,
        headers=tuple(_header(line.removeprefix('< ')) for line in answer[1:]),
        body=body.removesuffix(b'\n'),
    )


@functools.cache
def load_all(folder: str = 'rest') -> tuple[Recording, ...]:
    """Every recording of tests/wire/FOLDER, by name."""
    prefix = '' if folder == 'rest' else f'{folder}/'
    return tuple(
        parse(prefix + path.stem, path.read_bytes())
        for path in sorted((WIRE / folder).glob('*.txt'))
    )


@functools.cache
def _by_name() -> dict[str, Recording]:
    return {each.name: each for folder in ('rest', 'rest-16') for each in load_all(folder)}


def load(name: str) -> Recording:
    """The recording of this name: ``lease-show-404``, or ``rest-16/lease-show``."""
    try:
        return _by_name()[name]
    except KeyError:
        raise LookupError(f'no recording named {name!r} in tests/wire') from None
