"""Reads rows of counts and of alerts, which any program may have written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alerting.sample import COUNTED, Activity, RunningJob

from .stored import Column, always, maybe, one_of, salvage, shown, text, whole

_MOST = 2**61
_TEXT = Column(text, shown)
_COUNT = Column(whole(0, _MOST), always(0))
_AT = Column(whole(), always(0))
_END = Column(maybe(whole()), always(None))
_KEY: dict[str, Column] = {
    "at": _AT,
    "span": Column(whole(1, _MOST), always(1)),
    "kind": Column(one_of("task", "schedule", "worker"), always("")),
    "queue": _TEXT,
    "name": _TEXT,
}
_COUNTS: dict[str, Column] = {name: _COUNT for name in (*COUNTED, "run_max")}
_ACTIVITY = {name: _KEY[name] for name in ("span", "at", "kind", "queue", "name")} | {
    **_COUNTS,
    "error": _TEXT,
}
_TOTAL = {"name": _TEXT, "at": _AT} | _COUNTS
_ENTRY: dict[str, Column] = {
    "kind": Column(whole(0, max(AlertKind)), always(-1)),
    "key": Column(text, always(None)),
    "version": Column(whole(), always(0)),
    "at": _AT,
    "body": _TEXT,
}
_RUNNING: dict[str, Column] = {
    "id": _TEXT,
    "task": _TEXT,
    "queue": _TEXT,
    "worker": _TEXT,
    "started_at": _AT,
}


def values(row: Activity) -> tuple[Any, ...]:
    """Return what is stored of counts, in the order of the columns."""
    return tuple(getattr(row, name) for name in _ACTIVITY)


def activity(rows: Iterable[Sequence[Any]]) -> tuple[Activity, ...]:
    """Read counts; rows of no known kind are left out."""
    found = (salvage(_ACTIVITY, row).values for row in rows)
    return tuple(Activity(**one) for one in found if one["kind"])


def totals(rows: Iterable[Sequence[Any]], span: int) -> tuple[Activity, ...]:
    """Read sums by task."""
    return tuple(Activity(span=span, **salvage(_TOTAL, row).values) for row in rows)


def entries(rows: Iterable[Sequence[Any]]) -> tuple[AlertEntry, ...]:
    """Read entries; those without a kind and a key cannot be found again and are left out."""
    found = (salvage(_ENTRY, row).values for row in rows)
    return tuple(
        AlertEntry(AlertKind(one["kind"]), one["key"], one["version"], one["at"], one["body"])
        for one in found
        if one["kind"] >= 0 and one["key"] is not None
    )


def running(rows: Iterable[Sequence[Any]]) -> tuple[RunningJob, ...]:
    """Read which jobs run."""
    return tuple(RunningJob(**salvage(_RUNNING, row).values) for row in rows)


def instant(rows: Sequence[Sequence[Any]]) -> int | None:
    """Read one instant, if there is one."""
    found: int | None = salvage({"at": _END}, rows[0]).values["at"] if rows else None
    return found
