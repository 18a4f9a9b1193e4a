"""Names are resolved in threads of their own: no system call for it knows of a deadline."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

from blazarclient.server.delivery.addresses import Address

__all__ = ['Resolve', 'Resolver', 'Unresolved']

#: ``socket.getaddrinfo``, or what a test puts in its place.
Resolve = Callable[..., list[tuple[Any, ...]]]

#: So many questions may wait for an answer that is late, beside those that wait for it.
_THREADS = 256


class Unresolved(OSError):
    """A name has no address, or not in time."""


class _Question:
    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.answer: list[tuple[Any, ...]] | None = None
        self.answered = threading.Event()


class Resolver:
    """Resolves names, each in a thread that is left alone with it when it is late."""

    def __init__(self, resolve: Resolve = socket.getaddrinfo) -> None:
        self._resolve = resolve
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def addresses(self, host: str, port: int, timeout: float) -> list[Address]:
        """Every address of a name, once each, in the order of the answer.

        :param timeout: seconds.
        :raises Unresolved: it has none that is one, or the answer is late.
        """
        question = _Question(host, port)
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._threads < _THREADS:
                self._threads += 1
                threading.Thread(target=self._answer, name='resolver', daemon=True).start()
            else:
                raise Unresolved
        self._questions.put(question)
        if not question.answered.wait(timeout) or not question.answer:
            raise Unresolved
        try:
            found = [ipaddress.ip_address(each[4][0]) for each in question.answer]
        except ValueError:
            raise Unresolved from None
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """End the threads that have nothing to do."""
        with self._lock:
            ending, self._idle = self._idle, 0
        for _ in range(ending):
            self._questions.put(None)

    def _answer(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                question.answer = self._resolve(
                    question.host, question.port, type=socket.SOCK_STREAM
                )
            except (OSError, UnicodeError):
                pass
            with self._lock:
                self._idle += 1
            question.answered.set()
        with self._lock:
            self._threads -= 1
