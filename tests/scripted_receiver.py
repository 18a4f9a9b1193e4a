"""Receivers of webhooks, and names that lead to them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from tests.http1 import Listener, Message, read_message

__all__ = ['OK', 'Receiver', 'resolving']

OK = b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'


class Receiver(Listener):
    """Answers each request with the next of some answers, the last one again and again.

    Without any it says that all is well.
    """

    def __init__(self, *answers: bytes, address: str = '127.0.0.1', port: int = 0) -> None:
        self.requests: list[Message] = []
        self._answers = answers or (OK,)
        super().__init__(self._serve, address, port)

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.port}/hook?token=x'

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection.makefile('rb') as stream:
            while (request := read_message(stream)) is not None:
                self.requests.append(request)
                answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
                if not answer:
                    return
                connection.sendall(answer)
                if b'HTTP/1.0' in answer or b'close' in answer:
                    return


def resolving(*hosts: str) -> Callable[..., list[tuple[Any, ...]]]:
    """What gives every name these addresses."""

    def resolve(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, '', (each, port, 0, 0))
            if ':' in each
            else (socket.AF_INET, socket.SOCK_STREAM, 6, '', (each, port))
            for each in hosts
        ]

    return resolve
