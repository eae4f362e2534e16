"""The primary lost for good, and an asynchronous standby that lags behind promoted in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from dutiful.servers.postgres import LocalServer
from tests.chaos.kills import through
from tests.chaos.ledger import Line, ticks
from tests.chaos.outages import Outage, load
from tests.chaos.processes import Processes, processes, until
from tests.chaos.proxy import Proxy
from tests.chaos.verdict import UNEXCUSED, tries

_LATER = 100_000
_ROWS = "transactions doubled or missing"
_STEPS = "recorded steps run again"
_STORED = "select json_extract(cast(job.args as text), '$.order') from dutiful_job as job"


@dataclass
class Behind:
    """What came of the loss of the last moments."""

    outage: Outage
    seconds: float
    """How much of the end the standby had not received."""
    gone: list[int]
    """Orders taken in those moments that the new primary does not know."""
    again: list[int]
    """Orders that had ended in them and ended again."""
    wrong: dict[str, Any]

    def table(self) -> dict[str, str]:
        return {
            **self.outage.table(),
            "the standby was behind by": f"{self.seconds:.2f} s",
            "jobs enqueued then, and lost": str(len(self.gone)),
            "jobs that had ended then, and ran again": str(len(self.again)),
        }


class Known:
    """What the primary had when the standby was cut off; the standby has it, too."""

    def __init__(self, made: Processes) -> None:
        self.at = ticks()
        self.ended = set(made.sql(f"{_STORED} where job.state = 4"))
        self.stored = set(made.sql(_STORED))


def behind(folder: Path, primary: LocalServer, standby: LocalServer, jobs: int) -> Behind:
    """Cut the standby off for a moment in mid-load, then lose the primary and promote it."""
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    url = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"
    with Proxy(primary.port) as proxy:
        source = f"host=127.0.0.1 port={proxy.port} user=postgres application_name=standby"
        standby.settings["primary_conninfo"] = source
        standby.start()
        with processes(folder, "-c", "16", url=url) as made:
            load(made, jobs)
            made.start(3)
            until(lambda: made.ledger.read_text().count(" end ") > 50, 30, "jobs end")
            # They hold still until it is cut off, so that some jobs are left to end after that.
            for member in made.workers:
                made.freeze(member)
            known = Known(made)
            until(partial(_received, standby, _written(primary)), 30, "the standby has that much")
            proxy.stall()
            for member in made.workers:
                made.thaw(member)
            seen = made.ledger.read_text().count(" end ")
            made.produce(_LATER, 400, 10, 0.01, 0)
            until(lambda: made.ledger.read_text().count(" took ") > jobs + 10, 30, "some enqueued")
            until(lambda: made.ledger.read_text().count(" end ") > seen + 50, 30, "more end")
            died = ticks()
            primary.stop("immediate")
            proxy.cut()
            standby.promote()
            until(lambda: made.producers[0].code == 0, 60, "the producer has gone on")
            through(made, 120)
            assert all(made.stop(member) == 0 for member in list(made.workers))
            return _compare(Outage(made, 1), made, known, died)


def _written(server: LocalServer) -> str:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("select pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    return str(row[0])


def _received(server: LocalServer, position: str) -> bool:
    with psycopg.connect(server.url()) as connection:
        ask = "select pg_last_wal_receive_lsn() >= %s::pg_lsn"
        return connection.execute(ask, (position,)).fetchone() == (True,)


def _compare(outage: Outage, made: Processes, known: Known, died: int) -> Behind:
    """Take out of the verdict what an asynchronous standby may lose, and nothing else."""
    lines, wrong = made.lines(), dict[str, Any](outage.verdict.faults())
    runs = tries(lines)
    stored = set(made.sql(_STORED))
    gone = {order for (order,) in set(_taken(lines)) - stored}
    steps = {line.order for line in lines if line.what == "recorded" and line.at < known.at}
    again = [
        order
        for order, each in runs.items()
        if any(known.at < one.end < died for one in each[:-1]) and (order,) in stored
    ]
    for row, forbidden in (
        ("lost", known.stored),
        (_ROWS, known.stored),
        (UNEXCUSED, known.ended),
        (_STEPS, {(order,) for order in steps}),
    ):
        found: list[int] = wrong.pop(row, [])
        if left := [order for order in found if (order,) in forbidden]:
            wrong[row] = left
    if early := [order for order in gone if (order,) in known.stored]:
        wrong["lost though the standby had them"] = early
    return Behind(outage, (died - known.at) / 1e6, sorted(gone), again, wrong)


def _taken(lines: list[Line]) -> Iterator[tuple[int]]:
    for line in lines:
        if line.what == "took":
            yield from ((order,) for order in range(line.order, line.order + line.attempt))
