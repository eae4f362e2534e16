"""Reports to a service manager how the process is: the protocol of systemd's ``sd_notify(3)``.

It needs no library: each message is a datagram to the socket that ``NOTIFY_SOCKET`` names. Without
that variable nothing is sent. A message that cannot be sent is dropped: it must hold up no job.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping

from dutiful.core.event import (
    Event,
    WorkerDraining,
    WorkerHung,
    WorkerJoined,
    WorkerQuieted,
    WorkerResumed,
)

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_PINGS = 3
"""So many pings are sent within the time after which the service manager gives up."""


class ServiceNotifier:
    """The service manager that started this process, if one did. May be used from any thread."""

    def __init__(self, environ: MutableMapping[str, str] | None = None) -> None:
        """Read and remove its variables, so that no process that this one starts speaks for it."""
        variables = os.environ if environ is None else environ
        address, micros, pid = (variables.pop(name, "") for name in _VARIABLES)
        # A name that begins with @ is in Linux's abstract namespace, which has no files.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._said = ""
        self.every: float | None = None
        """Seconds between two pings, if the service manager asks for any."""
        if self._address and micros.isdecimal() and pid in ("", str(os.getpid())):
            self.every = max(int(micros) / 1_000_000 / _PINGS, 0.01)

    @property
    def there(self) -> bool:
        """Whether there is one."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Say that the service is up; once more is harmless."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, text: str) -> None:
        """Say in one line what the service does."""
        self._send(f"STATUS={_line(text)}")

    def stopping(self, status: str) -> None:
        """Say that the service ends."""
        self._send(f"STOPPING=1\nSTATUS={_line(status)}")

    def looked(self, healthy: bool) -> None:
        """Ping, if pings are wanted and the process is healthy."""
        if healthy and self.every is not None:
            self._send("WATCHDOG=1")

    def heard(self, event: Event) -> None:
        """Pass on what an event of a worker means."""
        if not self._address:
            return
        match event:
            case WorkerJoined(queues=queues):
                self.ready(f"serving {', '.join(queues)}")
            case WorkerQuieted():
                self.status("quiet: claims no jobs until it is resumed")
            case WorkerResumed():
                self.status("serving again")
            case WorkerDraining(running=running):
                self.stopping(f"draining: {running} jobs run")
            case WorkerHung(reason=reason):
                self.status(f"hung: {reason}")
            case _:
                pass

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A manager that does not read must not hold up the worker, so nothing waits here.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(message.encode(), self._address)


def _line(text: str) -> str:
    return " ".join(text.split())
