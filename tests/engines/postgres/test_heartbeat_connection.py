"""Whoever wakes the thread with the worker's own connection never waits for it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dutiful.engines.postgres.connections.heartbeat_connection import HeartbeatConnection


class Deaf(HeartbeatConnection):
    """Has a thread that is busy indefinitely."""

    def _run(self, stop: threading.Event, rung: socket.socket) -> None:
        with rung:
            stop.wait()


@pytest.fixture
def _timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.1)
    yield
    socket.setdefaulttimeout(before)


@pytest.mark.usefixtures("_timeout")
async def test_a_default_timeout_lets_nobody_wait_for_a_busy_thread() -> None:
    connection = Deaf(cast(Any, SimpleNamespace(pooler=False)), cast(Any, None))
    started = time.monotonic()
    calls = [asyncio.ensure_future(connection.aonce(cast(Any, None))) for _ in range(600)]
    await asyncio.sleep(0)
    took = time.monotonic() - started
    for call in calls:
        call.cancel()
    connection.close()
    assert took < 10
