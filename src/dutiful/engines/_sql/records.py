"""Builds records from rows that any program may have written; it fails for no row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dutiful.contract.page import DeadGroup, Finding, QueueCount
from dutiful.core.instant import CALENDAR_FIRST, CALENDAR_LAST
from dutiful.core.job import AttemptError, Job
from dutiful.core.occurrence import Deadline, DeclarationVersion, Recorded, Standing
from dutiful.core.overdue import REPORTED
from dutiful.core.state import LIVE, State, mask
from dutiful.core.worker_report import decode_report, order_of

from .stored import (
    Column,
    always,
    blob,
    exact,
    flag,
    maybe,
    meta,
    name,
    one_of,
    salvage,
    shown,
    state,
    tags,
    text,
    whole,
)

_LONG = 2**63 - 1
_COUNT_MAX = 2**31 - 1
PRIORITY_FAR = 2**15 - 1
"""The highest absolute value of a stored priority: PostgreSQL cannot negate the number -32768."""
UNIQUE_STATES = frozenset({0, *range(mask(LIVE), mask(tuple(State)) + 1, mask(LIVE) + 1)})
"""The sets of states in which a job may hold its key: none, or all live ones and perhaps others.

With any other set a simple change of state, such as a claim, could need a key that another job
holds.
"""


def _shown_bytes(value: Any) -> bytes:
    return shown(value).encode()


def _reported(value: Any) -> tuple[Deadline, ...]:
    place: int = whole(0, len(REPORTED) - 1)(value)
    return REPORTED[place]


def _unique_states(value: Any) -> int:
    states: int = whole()(value)
    if states not in UNIQUE_STATES:
        raise ValueError(value)
    return states


_TEXT = Column(text, shown)
_TEXT_MAYBE = Column(maybe(text), shown)
_NAME = Column(name, shown)
_BLOB = Column(blob, _shown_bytes)
_BLOB_MAYBE = Column(maybe(blob), _BLOB.instead)
_COUNT = Column(whole(0, _COUNT_MAX), always(0))
_GROWING = Column(whole(0, _LONG // 2), always(0))
_AT = Column(whole(), always(0))
_AT_MAYBE = Column(maybe(whole()), always(None))
_DATE = Column(whole(CALENDAR_FIRST, CALENDAR_LAST), always(0))
_DATE_MAYBE = Column(maybe(whole(CALENDAR_FIRST, CALENDAR_LAST)), always(None))
_FLAG = Column(flag, always(False))

JOB: dict[str, Column] = {
    "id": _NAME,
    "task": _NAME,
    "queue": _NAME,
    "state": Column(state, always(State.DEAD)),
    "priority": Column(whole(-PRIORITY_FAR, PRIORITY_FAR), always(0)),
    "args": _BLOB,
    "attempt": _COUNT,
    "max_attempts": Column(whole(1, _COUNT_MAX), always(1)),
    "enqueued_at": _AT,
    "run_at": _AT,
    "started_at": _AT_MAYBE,
    "finished_at": _AT_MAYBE,
    "expires_at": _AT_MAYBE,
    "crashes": _COUNT,
    "fence": Column(exact, always(0)),
    "worker": _TEXT_MAYBE,
    "reason": _TEXT_MAYBE,
    "parked_at": _AT_MAYBE,
    "cancel_requested": _FLAG,
    "unique_key": _TEXT_MAYBE,
    "unique_states": Column(_unique_states, always(0)),
    "tags": Column(tags, always(())),
    "meta": Column(meta, always({})),
    "result": _BLOB_MAYBE,
    "steps": _COUNT,
    "redriven_at": _AT_MAYBE,
}
SEQ, ID, PRIORITY, RUN_AT, FENCE = map(
    ("seq", *JOB).index, ("seq", "id", "priority", "run_at", "fence")
)
"""The positions of columns in the row of a job: the row's number, then the columns above."""

_ERROR = {"attempt": _COUNT, "at": _AT, "worker": _TEXT, "type": _TEXT} | {
    "message": _TEXT,
    "traceback": _TEXT,
}

_STANDING: dict[str, Column] = {
    "name": _NAME,
    "spec": _BLOB,
    "app": _TEXT_MAYBE,
    "exclusive": _FLAG,
    "version": _GROWING,
    "number": _GROWING,
    "created_at": _DATE,
    "changed_at": _DATE,
    "last": _DATE_MAYBE,
    "next": _DATE_MAYBE,
    "held": _DATE_MAYBE,
    "held_previous": _DATE_MAYBE,
    "since": _DATE,
    "paused_at": _DATE_MAYBE,
    "retired_at": _DATE_MAYBE,
    "broken": _TEXT_MAYBE,
    "retry_at": _DATE_MAYBE,
}

RECORDED: dict[str, Column] = {
    "schedule": _NAME,
    "planned": _AT,
    "previous": _AT_MAYBE,
    "number": _GROWING,
    "kind": Column(one_of("enqueued", "skipped", "missed"), always("skipped")),
    "why": _TEXT_MAYBE,
    "job_id": _TEXT_MAYBE,
    "recorded_at": _AT,
    "backfilled": _FLAG,
    "start_by": _AT_MAYBE,
    "finish_by": _AT_MAYBE,
    "started_at": _AT_MAYBE,
    "finished_at": _AT_MAYBE,
    "state": Column(maybe(state), always(State.DEAD)),
    "reported": Column(_reported, always(())),
}

WORKER: dict[str, Column] = {
    "id": _NAME,
    "queues": Column(tags, always(())),
    "concurrency": Column(whole(), always(0)),
    "lease": Column(whole(0), always(0)),
    "host": _TEXT,
    "pid": Column(whole(), always(0)),
    "born": Column(whole(), always(0)),
    "version": _TEXT,
    "joined_at": _AT,
    "renewed_at": _AT,
}
"""The columns of a worker that every engine has; each engine adds its own."""

WORKER_STATE: dict[str, Column] = {
    "lost": Column(flag, always(True)),
    "stalled_for": Column(whole(0), always(0)),
    "report": Column(decode_report, always(None)),
    "ordered": Column(order_of, always(None)),
    "running": Column(whole(0), always(0)),
}

_EDITION: dict[str, Column] = {
    "digest": _NAME,
    "rank": _GROWING,
    "seen_at": _AT,
    "applied": _GROWING,
}

_GROUP: dict[str, Column] = {
    "task": _TEXT,
    "reason": _TEXT,
    "error_type": _TEXT,
    "message": _TEXT,
    "count": _AT,
    "latest_at": _AT,
}


def job(row: Sequence[Any]) -> Job:
    """Read all columns of a job, in the order of its fields."""
    found = salvage(JOB, row)
    return Job(**found.values, unreadable=found.unreadable)


def error(job_id: str, row: Sequence[Any]) -> AttemptError:
    """Read the error of a failed attempt; the row begins with the attempt's number."""
    return AttemptError(job_id, **salvage(_ERROR, row).values)


def standing(row: Sequence[Any]) -> Standing:
    """Read the state of a schedule, in the order of its fields."""
    found = salvage(_STANDING, row)
    return Standing(**found.values, unreadable=found.unreadable)


def standings(rows: Iterable[Sequence[Any]]) -> list[Standing]:
    """Read the states of schedules; those whose name is not text are left out."""
    return [standing(row) for row in rows if isinstance(row[0], str)]


def recorded(row: Sequence[Any]) -> Recorded:
    """Read an occurrence, in the order of its fields; ``why`` names what cannot be read."""
    found = salvage(RECORDED, row)
    if found.unreadable:
        found.values["why"] = f"cannot be read, in {found.unreadable}"
    return Recorded(**found.values)


def declaration_versions(rows: Iterable[Sequence[Any]]) -> dict[str, DeclarationVersion]:
    """Read an app's declaration versions by their digests, without those that cannot be read."""
    found = [salvage(_EDITION, row) for row in rows]
    known = [DeclarationVersion(**one.values) for one in found if one.unreadable is None]
    return {declaration_version.digest: declaration_version for declaration_version in known}


def group(row: Sequence[Any]) -> DeadGroup:
    """Read a group of dead letters, in the order of its fields."""
    return DeadGroup(**salvage(_GROUP, row).values)


def counted(rows: Iterable[Sequence[Any]]) -> dict[str, int]:
    """Read names with a number each, such as totals and when queues were paused."""
    count = Column(whole(), always(0))
    pairs = [salvage({"name": _TEXT, "count": count}, row).values for row in rows]
    return {pair["name"]: pair["count"] for pair in pairs}


def queue_counts(
    rows: Iterable[Sequence[Any]], paused: Mapping[str, int]
) -> tuple[QueueCount, ...]:
    """Group rows of queue, state, number of jobs, since when the oldest waits, and number due."""
    counts: defaultdict[str, Counter[State]] = defaultdict(Counter)
    oldest: dict[str, int] = {}
    due: Counter[str] = Counter()
    columns = {
        "queue": _TEXT,
        "state": JOB["state"],
        "count": _AT,
        "since": _AT_MAYBE,
        "due": _AT,
    }
    for row in rows:
        has = salvage(columns, row).values
        if has["count"]:
            counts[has["queue"]][has["state"]] += has["count"]
        due[has["queue"]] += has["due"]
        if has["since"] is not None:
            oldest[has["queue"]] = min(has["since"], oldest.get(has["queue"], has["since"]))
    for queue in paused:
        counts[queue].update(())
    return tuple(
        QueueCount(queue, dict(counts[queue]), paused.get(queue), oldest.get(queue), due[queue])
        for queue in sorted(counts)
    )


def finding(counts: Mapping[str, int], most: int) -> Finding:
    """Report for `check` how many rows of each kind cannot be read, and what to do."""
    parts = [
        f"{number:,}{' or more' if number >= most else ''} {kind}{'' if number == 1 else 's'}"
        for kind, number in counts.items()
        if number
    ]
    if not parts:
        return Finding("readable", True, "every row can be read")
    advice = ""
    if counts.get("job"):
        advice = (
            "; see `dutiful jobs list --unreadable`, "
            "and delete such a job with `dutiful dead purge ID`"
        )
    return Finding("readable", False, f"cannot be read: {', '.join(parts)}{advice}")
