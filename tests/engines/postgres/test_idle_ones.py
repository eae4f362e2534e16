"""A process that only enqueues gives its idle connections back, and keeps no thread for that."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from dutiful import App
from dutiful.engines.postgres.connections import lender
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.connections.lender import Lender
from tests.until import wait_until

IDLE = 0.5


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lender, "IDLE_SECONDS", IDLE)


@pytest.fixture
def lent(postgres_url: str) -> Iterator[Lender[Any]]:
    conninfo = address_of(postgres_url).conninfo
    found = Lender(lambda: psycopg.connect(conninfo, autocommit=True), 5)
    yield found
    found.close()


def trimmers() -> int:
    return sum(thread.name == "dutiful-pg-trimmer" for thread in threading.enumerate())


def test_an_enqueuing_process_ends_with_no_connection(postgres_url: str) -> None:
    app = App(f"{postgres_url}&application_name=idle_ones")

    @app.task
    def note(n: int) -> None: ...

    with psycopg.connect(address_of(postgres_url).conninfo, autocommit=True) as observer:

        def ours() -> int:
            row = observer.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'idle_ones'"
            ).fetchone()
            return int(row[0]) if row else 0

        with ThreadPoolExecutor(5) as threads:
            handles = list(threads.map(note.enqueue, range(50)))
        assert handles[0].status() == "queued"
        assert ours() > 0
        wait_until(lambda: ours() == 0)
        wait_until(lambda: trimmers() == 0)
        assert note.enqueue(1).status() == "queued"  # others are opened when they are needed
    asyncio.run(app.close())


def test_what_is_used_stays(lent: Lender[Any]) -> None:
    with lent.connection() as first, lent.connection():
        pass
    ended = time.monotonic() + 3 * IDLE
    while time.monotonic() < ended:
        with lent.connection() as used:
            assert used in (first, used)
        time.sleep(0.02)
    assert len(lent._idle) == 1
    wait_until(lambda: not lent._idle)
    wait_until(lambda: trimmers() == 0)


def test_closing_ends_the_thread(lent: Lender[Any]) -> None:
    for _ in range(2):
        with lent.connection():
            pass
        assert trimmers() == 1
        lent.close()
        wait_until(lambda: trimmers() == 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="capability: fork")
def test_a_fork_trims_its_own(lent: Lender[Any]) -> None:
    with lent.connection():
        pass
    lent.forsake()  # as the child of a fork does
    with lent.connection():
        pass
    wait_until(lambda: not lent._idle)
