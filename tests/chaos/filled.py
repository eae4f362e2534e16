"""A store without room: it cannot be written, so the alert about it must not need it."""

from __future__ import annotations

import json
import resource
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dutiful.core.alerting.rules import STORE_UNUSABLE
from dutiful.servers.postgres import LocalServer
from tests.chaos.disk import FILE_BYTES, Deed, limit, small_disk, stuff
from tests.chaos.kills import through
from tests.chaos.outages import TROUBLE
from tests.chaos.processes import Processes, processes
from tests.chaos.webhooks import Webhooks, webhooks
from tests.until import wait_until

_APP = "tests.chaos.alarmed:app"
_BATCH, _PAUSE = 10, 0.5
_GROWN = 10
"""Batches after which the store has grown."""
_AFTERWARDS = 4.0
"""Seconds for which it is watched whether anything is sent again."""
_JOBS = 10**7


@dataclass
class Seen:
    """What was seen while there was no room."""

    seconds: float
    """From when the store first refused until the message arrived."""
    unready: float
    """Until a worker's ``/readyz`` answered 503 and named the store."""
    healthy: bool
    """Whether its ``/healthz`` was good all the same: a restart makes no room."""
    check: int
    """The exit code of ``dutiful check`` meanwhile."""


@dataclass
class Full:
    """What came of a store without room, and with room again."""

    seen: Seen
    lines: int
    """How many processes wrote that the alert fires."""
    others: int
    """Alerts about workers, which could not renew their leases: by a process that could write."""
    messages: int = 0
    resolved: int = 0
    past: int = 0
    """How often the history has it, with its end."""
    lost: int = 0

    def faults(self) -> list[str]:
        wanted = {"lines": 1, "messages": 1, "resolved": 1, "past": 1, "lost": 0}
        found = [
            f"{name}: {getattr(self, name)}"
            for name, number in wanted.items()
            if getattr(self, name) != number
        ]
        if self.seen.check not in (1, 3):
            found.append(f"check: {self.seen.check}")
        return found if self.seen.healthy else [*found, "not healthy"]


def quota(folder: Path) -> Full:
    """Let the processes write no further, by the quota that the kernel keeps for each."""
    with webhooks() as hooks, _crew(folder, hooks) as (made, port):
        fill, clear = partial(limit, made, FILE_BYTES), partial(limit, made, resource.RLIM_INFINITY)
        return _fill(made, hooks, port, fill, clear)


def reached(folder: Path, above: str) -> Seen:
    """Reach the quota, and see only the message, after a shorter time than the usual limit."""
    with webhooks() as hooks, _crew(folder, hooks, above=above) as (made, port):
        limit(made, FILE_BYTES)
        return _see(made, hooks, port)


def mounted(folder: Path) -> Full:
    """Fill a small file system under the SQLite file to the last byte."""
    with (
        small_disk(folder / "disk") as disk,
        webhooks() as hooks,
        _crew(folder, hooks, store=disk / "jobs.db") as (made, port),
    ):
        ballast = disk / "ballast"
        return _fill(made, hooks, port, partial(stuff, ballast), ballast.unlink)


def on_server(folder: Path, server: LocalServer, disk: Path, database: str) -> Full:
    """Fill the small file system that holds a server's tables."""
    with webhooks() as hooks, _crew(folder, hooks, url=server.url(database)) as (made, port):
        ballast = disk / "ballast"
        return _fill(made, hooks, port, partial(stuff, ballast), ballast.unlink)


@contextmanager
def _crew(
    folder: Path,
    hooks: Webhooks,
    *,
    url: str = "",
    store: Path | None = None,
    above: str = "10s",
) -> Iterator[tuple[Processes, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    env = {**hooks.environment, "CHAOS_ORDERS": str(folder), "CHAOS_ABOVE": above}
    with processes(folder, "-c", "4", url=url, store=store, env=env, app=_APP) as made:
        made.produce(1, _JOBS, _BATCH, _PAUSE, 0)
        made.watch(_APP)
        made.start(1, "--metrics", f"127.0.0.1:{port}")
        made.start(2)
        made.ready()
        wait_until(lambda: _took(made) >= _GROWN, 60, "the store has grown")
        yield made, port


def _fill(made: Processes, hooks: Webhooks, port: int, fill: Deed, clear: Deed) -> Full:
    fill()
    seen = _see(made, hooks, port)
    time.sleep(_AFTERWARDS)
    clear()
    about = partial(hooks.about, STORE_UNUSABLE, "")
    resolved = partial(about, "resolved")
    wait_until(resolved, 60, "the end is sent")
    fired = f"alert {STORE_UNUSABLE}: "
    lines = sum(fired in line for log in made.logs() for line in log.splitlines())
    others = sum("alert worker-" in log for log in made.logs())
    [producer] = made.producers
    made.kill(producer)
    through(made, 180)
    past = json.loads(made.cli("alerts", "history", "--json").stdout)
    return Full(
        seen,
        lines,
        others,
        len(about()),
        len(resolved()),
        sum(one["rule"] == STORE_UNUSABLE for one in past),
        made.left(),
    )


def _see(made: Processes, hooks: Webhooks, port: int) -> Seen:
    # What was written before leaves room for a while in the log of SQLite, and in pages.
    wait_until(lambda: any(TROUBLE in log for log in made.logs()), 60, "a worker is refused")
    began = time.monotonic()
    unready = partial(_answer, port, "/readyz", 503, "the store cannot be used")
    wait_until(unready, 60, "a worker is not ready")
    unready_after = time.monotonic() - began
    about = partial(hooks.about, STORE_UNUSABLE, "")
    first = wait_until(about, 60, "the message arrives")[0]
    healthy = _answer(port, "/healthz", 200, "")
    return Seen(first.at - began, unready_after, healthy, made.cli("check").returncode)


def _took(made: Processes) -> int:
    return sum(line.what == "took" for line in made.lines())


def _answer(port: int, path: str, status: int, text: str) -> bool:
    """Whether the worker's port answers so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            found, body = reply.status, reply.read()
    except urllib.error.HTTPError as error:
        found, body = error.code, error.read()
    except OSError:
        return False
    return found == status and text in body.decode()
