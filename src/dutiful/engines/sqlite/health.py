"""Checks the store's health."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from dutiful.contract.page import Finding
from dutiful.engines._sql.migrations import health
from dutiful.engines._sql.statement import Plan, Statement

from .connections.connection import WAL_BYTES_KEPT
from .inspector import counts
from .rows import status_of
from .session import Session
from .statements import sql
from .unreadable import look_for_unreadable

_MIB = 2**20
_GIB = 2**30
FREE_BYTES_MIN = 256 * _MIB
_INDEXES = frozenset(
    f"dutiful_job_{name}" for name in ("id", "ready", "due", "running", "final", "dead", "unique")
)


def examine(session: Session) -> Plan[tuple[Finding, ...]]:
    """Query the file's state, then check the files beside it."""
    findings = [_integrity((yield Statement("PRAGMA quick_check(3)")).rows)]
    mode = str((yield Statement("PRAGMA journal_mode")).rows[0][0])
    findings.append(Finding("journal", mode == "wal", f"journal mode {mode}"))
    level = int((yield Statement("PRAGMA synchronous")).rows[0][0])
    kept = "a power cut loses nothing" if level >= 2 else "a power cut may lose the last commits"
    findings.append(Finding("durability", True, f"{session.durability}: {kept}"))
    applied = dict((yield Statement(sql("migrations"))).rows)
    findings.append(Finding("schema", *health(session.migrations, applied)))
    found = {row[0] for row in (yield Statement(sql("indexes"))).rows}
    missing = sorted(_INDEXES - found)
    text = f"missing: {', '.join(missing)}; restore a backup" if missing else "all there"
    findings.append(Finding("indexes", not missing, text))
    if not missing:  # the statements below name their indexes
        findings += yield from _count(session)
    return (*findings, *_around(session))


def _count(session: Session) -> Plan[list[Finding]]:
    now, ticks = session.clock.now(), session.clock.ticks()
    total = sum(jobs for _, _, jobs, *_ in (yield from counts(now)))
    rows = (yield Statement(sql("workers"))).rows
    workers = [status_of(row, now, ticks, session.boot) for row in rows]
    return [
        Finding("jobs", True, f"{total:,} job{'' if total == 1 else 's'}"),
        (yield from look_for_unreadable(workers)),
    ]


def _integrity(rows: list[Any]) -> Finding:
    said = "; ".join(str(row[0]) for row in rows)
    return Finding("integrity", said == "ok", said)


def _around(session: Session) -> Iterator[Finding]:
    database_file = session.database_file
    log = database_file.wal_bytes()
    yield Finding("log", log <= 4 * WAL_BYTES_KEPT, f"write-ahead log of {log / _MIB:,.1f} MiB")
    free = shutil.disk_usage(database_file.path.parent).free
    yield Finding("disk", free >= FREE_BYTES_MIN, f"{free / _GIB:,.1f} GiB free")
    notices = database_file.notices()
    yield Finding("place", not notices, "; ".join(notices) or "a local disk")
