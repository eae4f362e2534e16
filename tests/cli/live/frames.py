"""Frames for tests of the screen, and texts such as another program may store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from dutiful.manage.alert_records import AlertRecord
from dutiful.manage.frame_records import (
    FailureFrame,
    Frame,
    QueueFrame,
    ScheduleFrame,
    SlotFrame,
    Trend,
    WorkerFrame,
)
from dutiful.manage.reading import micros
from dutiful.manage.worker_records import WorkerRecord

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = micros(AT)


def worker(name: str = "web-1-a1", **given: Any) -> WorkerRecord:
    fields: dict[str, Any] = {
        "id": name,
        "host": "web-1",
        "pid": 11,
        "version": "1",
        "queues": ("billing",),
        "slots": 4,
        "running": 1,
        "joined_at": AT - timedelta(hours=1),
        "renewed_at": AT,
        "silent_for": timedelta(seconds=1),
        "stalled_for": timedelta(),
        "lease": timedelta(seconds=10),
        "alive": True,
        "overdue": False,
        "lost": False,
        "state": "serving",
        "ordered": None,
        "report": None,
        "unreadable": None,
    }
    return WorkerRecord(**fields | given)


def alert(title: str = "jobs died", **given: Any) -> AlertRecord:
    fields: dict[str, Any] = {
        "rule": "dead-letters",
        "subject": "charge",
        "state": "firing",
        "severity": "critical",
        "since": AT - timedelta(minutes=3),
        "changed_at": AT,
        "count": 3,
        "title": title,
        "text": "",
        "error": "",
        "command": "",
        "announced_at": None,
        "silenced_by": None,
    }
    return AlertRecord(**fields | given)


def queue(name: str = "billing", **given: Any) -> QueueFrame:
    fields: dict[str, Any] = {"served": True, "rate": 2.0, "trend": "empty"}
    return QueueFrame(name=name, **fields | given)


def waiting(name: str = "billing", trend: Trend = "steady", **given: Any) -> QueueFrame:
    old = AT - timedelta(seconds=given.pop("age", 4))
    return queue(name, waiting=12, running=1, oldest_at=old, trend=trend, **given)


def failure(job_id: str | None = "01900000-0000-7000", **given: Any) -> FailureFrame:
    fields: dict[str, Any] = {
        "task": "charge",
        "queue": "billing",
        "state": "dead",
        "attempt": 3,
        "max_attempts": 3,
        "at": AT - timedelta(seconds=9),
        "error_type": "shop.CardDeclined",
        "message": "no funds\nsecond line",
    }
    return FailureFrame(job_id=job_id, **fields | given)


def slot(job_id: str = "01900000-0000-7001", task: str = "charge") -> SlotFrame:
    return SlotFrame(
        job_id=job_id, task=task, queue="billing", started_at=AT - timedelta(seconds=7)
    )


def usual(**given: Any) -> Frame:
    """A frame of a store in which all is well."""
    fields: dict[str, Any] = {
        "at": AT,
        "counted_at": AT,
        "queues": (waiting(), queue("mail")),
        "workers": (WorkerFrame(record=worker(), jobs=(slot(),)),),
        "schedules": (ScheduleFrame(name="nightly", task="report", next=AT + timedelta(hours=3)),),
    }
    return Frame(**fields | given)


texts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b[\x07\x9b\t\n\r\u200e\u202e\u2028\ud800\u4e2d\U0001f600\u0301\u200d"),
    ),
    max_size=120,
)
_counts = st.integers(0, 10**19)
_FIRST, _LAST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis adds the zone
_moments = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))
_spans = st.timedeltas(timedelta(), timedelta.max)

_queues = st.builds(
    QueueFrame,
    name=texts,
    waiting=_counts,
    running=_counts,
    later=_counts,
    dead=_counts,
    oldest_at=st.none() | _moments,
    rate=st.none() | st.floats(0, 1e18),
    growth=st.none() | st.floats(-1e18, 1e18),
    paused=st.booleans(),
    served=st.none() | st.booleans(),
    empty_in=st.none() | _spans,
)
_workers = st.builds(
    WorkerFrame,
    record=st.builds(
        worker,
        texts,
        queues=st.lists(texts, max_size=3).map(tuple),
        slots=_counts,
        running=_counts,
        silent_for=_spans,
        state=st.sampled_from(["serving", "lost", "overdue", "hung", "quiet"]) | texts,
        unreadable=st.none() | texts,
    ),
    jobs=st.lists(
        st.builds(
            SlotFrame,
            job_id=texts,
            task=texts,
            queue=st.none() | texts,
            started_at=st.none() | _moments,
        ),
        max_size=4,
    ).map(tuple),
)
_failures = st.builds(
    failure,
    st.none() | texts,
    task=texts,
    count=_counts,
    attempt=_counts,
    max_attempts=_counts,
    at=_moments,
    error_type=texts,
    message=texts,
)
_schedules = st.builds(
    ScheduleFrame,
    name=texts,
    task=st.none() | texts,
    next=st.none() | _moments,
    broken=st.none() | texts,
)
_alerts = st.builds(alert, texts, rule=texts, since=_moments, silenced_by=st.none() | texts)
frames = st.builds(
    Frame,
    at=_moments,
    counted_at=st.none() | _moments,
    queues=st.lists(_queues, max_size=5).map(tuple),
    workers=st.lists(_workers, max_size=4).map(tuple),
    failures=st.lists(_failures, max_size=4).map(tuple),
    schedules=st.lists(_schedules, max_size=4).map(tuple),
    alerts=st.lists(_alerts, max_size=4).map(tuple),
)
"""What a store may hold that any program has written to."""
