"""A real HTTP receiver on an ephemeral port, which can also behave badly."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest


class Got(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Behave = Callable[["Receiver", socket.socket], None]


class Receiver:
    """Answers each request with the next of ``answers``, and with 200 when there is none."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answers: deque[Behave] = deque()
        self.closed = threading.Event()
        self.ended = 0
        """How many connections are over."""
        self.sent = 0
        """The bytes of the body that `huge` could send."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(line,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            self.got.append(read(line))
            behave = self.answers.popleft() if self.answers else status(200)
            behave(self, line)
        self.ended += 1


def read(line: socket.socket) -> Got:
    data = b""
    while b"\r\n\r\n" not in data:
        part = line.recv(65_536)
        if not part:
            raise OSError("hung up")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    while len(body) < int(headers.get("content-length", "0")):
        body += line.recv(65_536)
    return Got(method, path, headers, body)


def status(number: int, *headers: str) -> Behave:
    """Answer with a status."""
    lines = "".join(f"{one}\r\n" for one in headers)

    def behave(receiver: Receiver, line: socket.socket) -> None:
        line.sendall(f"HTTP/1.1 {number} X\r\n{lines}Content-Length: 2\r\n\r\nok".encode())

    return behave


def never(receiver: Receiver, line: socket.socket) -> None:
    """Do not answer as long as the other end keeps the connection."""
    line.settimeout(30)
    line.recv(1)


def drip(receiver: Receiver, line: socket.socket) -> None:
    """Answer one byte after the other, so that no single read takes long."""
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not receiver.closed.is_set():
        line.sendall(b"x")
        time.sleep(0.01)


def huge(receiver: Receiver, line: socket.socket) -> None:
    """Send a body as long as the other end takes it, up to 200 MB."""
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
    part = b"x" * 100_000
    while receiver.sent < 200_000_000:
        line.sendall(part)
        receiver.sent += len(part)


def garbage(receiver: Receiver, line: socket.socket) -> None:
    """Answer with what is not HTTP, and repeat what was asked."""
    line.sendall(f"220 mail ready for {receiver.got[-1].path}\r\n".encode())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Serve while a test runs."""
    one = Receiver()
    yield one
    one.close()
