"""Checks the health of the server and of the schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dutiful.contract.page import Finding
from dutiful.contract.roles.health import HealthWarning
from dutiful.engines._sql.migrations import health
from dutiful.engines._sql.statement import Plan, Statement

from .producer import ready
from .rows import WorkerRow, status_of
from .schema.rights import rights
from .schema.sequence_check import check_sequence
from .session import Session
from .unreadable import look_for_unreadable

HELD_SECONDS = 60
HELD_TRANSACTIONS = 1_000_000
_SUPPORTED = range(15, 19)
_INDEXES = frozenset(
    ("job_id", "job_ready", "job_due", "job_running", "job_final", "job_dead_id", "job_unique")
)


def examine(session: Session) -> Plan[tuple[Finding, ...]]:
    """Query the server's state, then check the tables."""
    sql = session.sql
    findings = list(_server((yield Statement(sql("health"))).rows[0]))
    applied = dict((yield Statement(sql("migrations"))).rows)
    findings.append(Finding("schema", *health(sql.migrations, applied)))
    may = yield from rights(sql)
    findings.append(may)
    if not may.ok:  # the checks below need these rights
        return tuple(findings)
    found = {row[0] for row in (yield Statement(sql("indexes"))).rows}
    missing = sorted(_INDEXES - found)
    text = f"missing or invalid: {', '.join(missing)}" if missing else "all there"
    findings.append(Finding("indexes", not missing, text))
    findings.append((yield from check_sequence(sql)))
    held = (yield Statement(sql("horizon"), (HELD_SECONDS, HELD_TRANSACTIONS))).rows
    findings.append(_horizon(held))
    live, dead, vacuumed = (yield Statement(sql("bloat"))).rows[0]
    age = "never" if vacuumed is None else f"{vacuumed:,} s ago"
    fits = dead <= max(100_000, live)
    text = f"{live:,} live rows, {dead:,} dead ones; last vacuumed {age}"
    findings.append(Finding("bloat", fits, text))
    counts = (yield Statement(sql("counts"), (session.now,))).rows
    total = sum(jobs for _, _, jobs, *_ in counts)
    findings.append(Finding("jobs", True, f"{total:,} job{'' if total == 1 else 's'}"))
    workers = (yield Statement(sql("workers"), (session.now,))).rows
    statuses = [status_of(WorkerRow(*row), 0) for row in workers]
    findings.append((yield from look_for_unreadable(sql, statuses)))
    return tuple(findings)


def _server(row: Sequence[Any]) -> Iterator[Finding]:
    number, version, read_only, fsync, commit, pages, used, most = row
    supported = number // 10_000 in _SUPPORTED
    advice = "" if supported else "; 15 to 18 are supported"
    yield Finding("server", supported, f"PostgreSQL {version}{advice}")
    text = "takes no writes; point the URL at the primary" if read_only else "takes writes"
    yield Finding("primary", not read_only, text)
    safe = fsync == "on" and pages == "on" and commit != "off"
    said = f"fsync {fsync}, full_page_writes {pages}, synchronous_commit {commit}"
    kept = "a power cut loses nothing" if safe else "a power cut may lose committed jobs"
    yield Finding("durability", safe, f"{said}: {kept}")
    room = used < most * 0.9
    yield Finding("connections", room, f"{used} of {most} connections in use")


def _horizon(rows: Sequence[Any]) -> Finding:
    if not rows:
        return Finding("horizon", True, "nothing old prevents the removal of dead rows")
    return Finding("horizon", False, _hindered(*rows[0]))


def _hindered(kind: str, who: str, seconds: float | None) -> str:
    since = "" if seconds is None else f" for {seconds:,.0f} s"
    return f"{kind} {who} prevents the removal of dead rows{since}"


class PostgresHealth:
    """The role `Health`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def warnings(self) -> tuple[HealthWarning, ...]:
        """Warn of old snapshots, prepared transactions and replication slots."""
        session = await ready(self.session)

        def plan() -> Plan[tuple[HealthWarning, ...]]:
            params = (HELD_SECONDS, HELD_TRANSACTIONS)
            rows = (yield Statement(session.sql("horizon"), params)).rows
            return tuple([HealthWarning(f"{row[0]} {row[1]}", _hindered(*row)) for row in rows])

        return await session.async_query_pool.once(plan)
