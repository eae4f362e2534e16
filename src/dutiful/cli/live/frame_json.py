"""A frame for ``--json``: instants as ISO 8601 in UTC, spans in seconds."""

from __future__ import annotations

from typing import Any

from dutiful.cli import as_json
from dutiful.cli.live.assessment import assess
from dutiful.manage.frame_records import (
    FailureFrame,
    Frame,
    QueueFrame,
    ScheduleFrame,
    WorkerFrame,
)


def frame_object(frame: Frame) -> dict[str, Any]:
    """Return a frame with the sentence about it."""
    said = assess(frame)
    return {
        "at": as_json.time(frame.at),
        "counted_at": as_json.time(frame.counted_at),
        "level": said.level,
        "sentence": said.sentence,
        "queues": [_queue(one) for one in frame.queues],
        "workers": [_worker(one) for one in frame.workers],
        "failures": [_failure(one) for one in frame.failures],
        "schedules": [_schedule(one) for one in frame.schedules],
        "alerts": [as_json.alert(one) for one in frame.alerts],
        "missing": sorted(one.name.lower() for one in frame.missing),
    }


def _queue(one: QueueFrame) -> dict[str, Any]:
    return {
        "queue": one.name,
        "waiting": one.waiting,
        "running": one.running,
        "later": one.later,
        "dead": one.dead,
        "oldest_at": as_json.time(one.oldest_at),
        "paused": one.paused,
        "served": one.served,
        "rate": one.rate,
        "growth": one.growth,
        "trend": one.trend,
        "empty_in": None if one.empty_in is None else one.empty_in.total_seconds(),
    }


def _worker(one: WorkerFrame) -> dict[str, Any]:
    jobs = [
        {
            "id": job.job_id,
            "task": job.task,
            "queue": job.queue,
            "started_at": as_json.time(job.started_at),
        }
        for job in one.jobs
    ]
    return {**as_json.worker(one.record), "jobs": jobs}


def _failure(one: FailureFrame) -> dict[str, Any]:
    return {
        "id": one.job_id,
        "task": one.task,
        "queue": one.queue,
        "count": one.count,
        "state": one.state,
        "attempt": one.attempt,
        "max_attempts": one.max_attempts,
        "at": as_json.time(one.at),
        "type": one.error_type,
        "message": one.message,
    }


def _schedule(one: ScheduleFrame) -> dict[str, Any]:
    return {
        "name": one.name,
        "task": one.task,
        "next": as_json.time(one.next),
        "broken": one.broken,
    }
