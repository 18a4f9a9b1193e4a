"""A receiver of webhooks that does next to nothing per request, in a process of its own.

What it answers is in the path: ``/hook?delay=0.02`` answers after 20 ms, ``/hook?status=500`` with
that status. ``Sink`` starts it, reads what came, and can let it refuse all at some addresses.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from typing import Any, NamedTuple, Self

__all__ = ['Arrival', 'Sink']


class Arrival(NamedTuple):
    """One request."""

    #: Seconds since 1970.
    at: float
    host: str
    id: str
    lease: str
    sequence: int


class Sink:
    """The process, which listens on every loopback address."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'tests.benchmarks.sink'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def url(self, host: str = '127.0.0.1', *, delay: float = 0.0, path: str = 'hook') -> str:
        """A URL that leads there."""
        query = f'?delay={delay}' if delay else ''
        return f'http://{host}:{self.port}/{path}{query}'

    def count(self) -> int:
        """How many requests came."""
        return int(self._ask('count'))

    def open(self) -> int:
        """How many requests are being answered."""
        return int(self._ask('open'))

    def arrivals(self) -> list[Arrival]:
        """All requests that came, in the order in which they came."""
        return [Arrival(*each) for each in self._ask('arrivals')]

    def clear(self) -> None:
        """Forget what came."""
        self._ask('clear')

    def refuse(self, host: str, *, status: int = 503) -> None:
        """Answer all that come to an address with a status; 0 for no longer."""
        self._ask(f'refuse?host={host}&status={status}')

    def _ask(self, what: str) -> Any:
        url = f'http://127.0.0.1:{self.port}/-/{what}'
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)


class _Server:
    def __init__(self) -> None:
        self.arrived: list[tuple[float, str, str, str, int]] = []
        self.refused: dict[str, int] = {}
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info('sockname')[0]
        try:
            while True:
                head = (await reader.readuntil(b'\r\n\r\n')).decode()
                body = b''
                if (place := head.find('content-length: ')) >= 0:
                    length = int(head[place + 16 : head.index('\r', place)])
                    body = await reader.readexactly(length)
                target = head.split(' ', 2)[1]
                writer.write(await self._answer(host, target, head, body))
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            # Whoever sends has gone, or this process ends.
            pass
        finally:
            writer.close()

    async def _answer(self, host: str, target: str, head: str, body: bytes) -> bytes:
        if target.startswith('/-/'):
            return self._control(target[3:])
        status = self.refused.get(host, 204)
        if 'delay=' in target:
            self.open += 1
            try:
                await asyncio.sleep(float(target.partition('delay=')[2]))
            finally:
                self.open -= 1
        if status < 300:
            place = head.find('webhook-id: ')
            message_id = head[place + 12 : head.index('\r', place)] if place >= 0 else ''
            text = body.decode()
            at = text.find('"sequence":"')
            sequence = int(text[at + 12 : at + 32]) if at >= 0 else 0
            key = text.find('"partitionkey":"')
            lease = text[key + 16 : text.index('"', key + 16)] if key >= 0 else ''
            self.arrived.append((time.time(), host, message_id, lease, sequence))
            return b'HTTP/1.1 204 -\r\n\r\n'
        return b'HTTP/1.1 %d -\r\ncontent-length: 0\r\n\r\n' % status

    def _control(self, what: str) -> bytes:
        path, _, query = what.partition('?')
        content: Any = None
        if path == 'count':
            content = len(self.arrived)
        elif path == 'open':
            content = self.open
        elif path == 'arrivals':
            content = self.arrived
        elif path == 'clear':
            self.arrived = []
        elif path == 'refuse':
            wanted = dict(urllib.parse.parse_qsl(query))
            self.refused.pop(wanted['host'], None)
            if int(wanted['status']):
                self.refused[wanted['host']] = int(wanted['status'])
        text = json.dumps(content).encode()
        return b'HTTP/1.1 200 -\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b' % (
            len(text),
            text,
        )


async def _main() -> None:
    served = _Server()
    server = await asyncio.start_server(served.serve, '0.0.0.0', 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    # Ends when whoever has started it does.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == '__main__':
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.run(_main())
