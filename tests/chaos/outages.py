"""What happens to a PostgreSQL server and to the way to it, while workers are at work."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import psycopg

from dutiful.servers.postgres import LocalServer
from tests.chaos import orders
from tests.chaos.kills import feed, through, told
from tests.chaos.processes import Processes, processes
from tests.chaos.proxy import Proxy
from tests.chaos.verdict import Verdict, judge, span
from tests.servers.pgbouncer import Pooler

_BACKENDS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid()
"""


TROUBLE = "the store cannot be used"
_LEASE = {"DUTIFUL_LEASE": "30s"}
"""Longer than a server takes to come back on a busy machine: past it jobs may rightly run again."""
_AGAIN = re.compile(r"used again after ([0-9.]+) s")


class Outage:
    """A verdict, and for how long the workers were without their store."""

    def __init__(self, made: Processes, strikes: int) -> None:
        self.verdict: Verdict = judge(made)
        # A commit that failed with its server is the attempt's error; the job is tried again.
        self.verdict.failing = True
        self.back = [float(found) for log in made.logs() for found in _AGAIN.findall(log)]
        self.strikes = strikes
        troubles = [log.count(TROUBLE) for log in made.logs()]
        self.troubles = max(troubles, default=0)
        self.said_once = all(
            log.count(TROUBLE) <= len(_AGAIN.findall(log)) + 1 for log in made.logs()
        )
        """Whether each worker was silent from when it said so until it was well again."""

    def table(self) -> dict[str, str]:
        """Return the figures as rows of a report."""
        troubles = f"{span(self.back)}, {self.strikes} faults"
        return {**self.verdict.table(), "workers without the store": troubles}


def load(made: Processes, jobs: int) -> None:
    """Enqueue short orders of all kinds."""
    feed(made, list(orders.mixed(1, jobs, 0)))


def got_on(made: Processes, seen: int) -> bool:
    """Whether some more jobs have ended since so many had, or all have."""
    return made.ledger.read_text().count(" end ") > seen + 20 or made.left() == 0


def recovered(logs: Iterable[str]) -> bool:
    """Whether every worker that was without the store has said that it uses it again."""
    return all(log.count(TROUBLE) == len(_AGAIN.findall(log)) for log in logs)


def strikes(
    folder: Path,
    url: str,
    jobs: int,
    times: int,
    strike: Callable[[], None],
    pause: float,
    *,
    asks: str = "",
) -> Outage:
    """Do something to the store so many times while three workers work on a backlog."""
    with processes(folder, "-c", "16", url=url, asks=asks, env=_LEASE) as made:
        load(made, jobs)
        made.start(3)
        made.ready()
        for _ in range(times):
            seen = made.ledger.read_text().count(" end ")
            told(made, partial(got_on, made, seen), 60, "the workers get on")
            strike()
            time.sleep(pause)
        through(made, 120)
        # The others may have done what was left before a worker has tried again.
        told(made, lambda: recovered(made.logs()), 60, "each worker uses the store again")
        assert all(made.stop(member) == 0 for member in list(made.workers))
        return Outage(made, times)


def crashes(folder: Path, server: LocalServer, jobs: int, times: int = 3) -> Outage:
    """Crash the server in mid-load, as ``pg_ctl restart -m immediate`` does."""
    return strikes(folder, server.url(), jobs, times, lambda: server.restart("immediate"), 0.5)


def severed(folder: Path, server: LocalServer, jobs: int, seconds: int) -> Outage:
    """Kill every backend once a second."""

    def strike() -> None:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(_BACKENDS)

    return strikes(folder, server.url(), jobs, seconds, strike, 1.0)


def cut(folder: Path, server: LocalServer, jobs: int, times: int) -> Outage:
    """Cut every connection on the way, replies to commits among them."""
    with Proxy(server.port) as proxy:
        url = server.url().replace(str(server.port), str(proxy.port))
        return strikes(folder, url, jobs, times, proxy.cut, 0.3)


def stalled(folder: Path, server: LocalServer, jobs: int, times: int, seconds: float) -> Outage:
    """Swallow all bytes both ways for a while, shorter than a lease, then cut: half-open."""
    with Proxy(server.port) as proxy:
        url = server.url().replace(str(server.port), str(proxy.port))

        def strike() -> None:
            proxy.stall()
            time.sleep(seconds)
            proxy.cut()

        return strikes(folder, url, jobs, times, strike, 4.0)


def delayed(folder: Path, server: LocalServer, jobs: int, seconds: float) -> Outage:
    """Deliver every reply late."""
    with Proxy(server.port) as proxy:
        proxy.delay = seconds
        url = server.url().replace(str(server.port), str(proxy.port))
        return strikes(folder, url, jobs, 0, lambda: None, 0)


def pooled(folder: Path, server: LocalServer, pooler: Pooler, jobs: int, times: int) -> Outage:
    """Work by way of PgBouncer in transaction mode, and kill it in mid-load."""
    url = pooler.through(server.url(), pooler="yes")

    def strike() -> None:
        pooler.kill()
        time.sleep(0.5)
        pooler.start()

    return strikes(folder, url, jobs, times, strike, 0.5, asks=server.url())


def promoted(folder: Path, server: LocalServer, standby: LocalServer, jobs: int) -> Outage:
    """Lose the primary for good in mid-load, and promote its synchronous standby."""
    hosts = f"127.0.0.1:{server.port},127.0.0.1:{standby.port}"
    url = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"

    def strike() -> None:
        server.stop("immediate")
        standby.promote()

    return strikes(folder, url, jobs, 1, strike, 0.5)
