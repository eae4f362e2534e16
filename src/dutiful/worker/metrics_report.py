"""What a supervisor's child reports of its metrics: when it is asked, and once more at its end."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

import msgspec

from dutiful.observe.metrics.app_metrics import AppMetrics
from dutiful.observe.metrics.series import Snapshot
from dutiful.observe.process_health import ProcessHealth

from . import forks

HEADER = struct.Struct("!I")
REPORT_BYTES_MAX = 32 * 2**20
"""A longer one was not written by a child of ours."""
ASK, ASK_WITH_STORE = b"r", b"s"
"""Requests of the supervisor; one child is asked to read the store, for all."""
_SEND_SECONDS = 1.0
"""How long a child waits for a supervisor that does not read."""


class Report(msgspec.Struct):
    """Metrics and health of one process."""

    snapshot: Snapshot
    health: ProcessHealth


class MetricsReporter:
    """The child's end of a socket to the supervisor; answers from a thread of its own."""

    def __init__(self, metrics: AppMetrics, descriptor: int, process: str) -> None:
        """Count from now on, and answer until the supervisor closes its end."""
        self._metrics, self._process = metrics, process
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._socket.settimeout(None)
        forks.close_in_copies(descriptor)
        self._sending = threading.Lock()
        self._broken = False
        metrics.start()
        threading.Thread(target=self._answer, name="dutiful-report", daemon=True).start()

    def report(self, *, store: bool = False) -> None:
        """Send a report; an error means that the supervisor does not listen any more."""
        snapshot = self._metrics.snapshot(process=self._process, store=store)
        body = msgspec.msgpack.encode(Report(snapshot, self._metrics.health()))
        with self._sending, suppress(OSError):
            if self._broken:
                return
            # Half a report would make all later ones unreadable.
            self._broken = True
            seconds = int(_SEND_SECONDS)
            limit = struct.pack("ll", seconds, int((_SEND_SECONDS - seconds) * 1e6))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            self._socket.sendall(HEADER.pack(len(body)) + body)
            self._broken = False

    def _answer(self) -> None:
        with suppress(OSError):
            while asked := self._socket.recv(1024):
                self.report(store=ASK_WITH_STORE in asked)


def report_of(body: bytes) -> Report | None:
    """Read a report; None where another than a child of ours wrote it."""
    try:
        return msgspec.msgpack.decode(body, type=Report)
    except msgspec.MsgspecError:
        return None
