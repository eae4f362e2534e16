"""What ``--json`` prints: instants as ISO 8601 in UTC, states as words, keys that stay."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dutiful.core.instant import iso as instant_text
from dutiful.core.text import STEERING
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from dutiful.contract.page import Finding
    from dutiful.manage.alert_records import AlertRecord, RuleRecord, SilenceRecord
    from dutiful.manage.records import (
        DeadGroupRecord,
        ErrorRecord,
        JobRecord,
        LogLineRecord,
        QueueRecord,
    )
    from dutiful.manage.schedule_check import ScheduleFinding
    from dutiful.manage.worker_records import Ordered, WorkerRecord, WorkerReportRecord

_STEERS = re.compile(f"[{STEERING}]")


def emit(value: Any) -> None:
    """Print one JSON value on stdout: indented for a person, on one line for a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # The encoder escapes ASCII control characters; here follow the others that steer a terminal.
    sys.stdout.write(_STEERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def iso(at: int | None) -> str | None:
    """Write an instant as ISO 8601 in UTC."""
    return None if at is None else instant_text(at)


def time(at: datetime | None) -> str | None:
    """Write a time of a record as ISO 8601 in UTC."""
    return None if at is None else instant_text(micros(at))


def job(row: JobRecord) -> dict[str, Any]:
    """Return a job."""
    return {
        "id": row.id,
        "task": row.task,
        "queue": row.queue,
        "state": row.state,
        "priority": row.priority,
        "attempt": row.attempt,
        "max_attempts": row.max_attempts,
        "crashes": row.crashes,
        "enqueued_at": time(row.enqueued_at),
        "run_at": time(row.run_at),
        "started_at": time(row.started_at),
        "finished_at": time(row.finished_at),
        "expires_at": time(row.expires_at),
        "redriven_at": time(row.redriven_at),
        "worker": row.worker,
        "reason": row.reason,
        "cancel_requested": row.cancel_requested,
        "unique_key": row.unique_key,
        "trace_id": row.trace_id,
        "tags": list(row.tags),
        "meta": dict(row.meta),
        "args": row.args,
        "result": row.result,
        "unreadable": row.unreadable,
    }


def error(row: ErrorRecord) -> dict[str, Any]:
    """Return what one failed attempt left behind."""
    return {
        "attempt": row.attempt,
        "at": time(row.at),
        "worker": row.worker,
        "type": row.type,
        "message": row.message,
        "traceback": row.traceback,
    }


def log_line(row: LogLineRecord) -> dict[str, Any]:
    """Return a line that a task logged."""
    return {
        "attempt": row.attempt,
        "at": time(row.at),
        "level": row.level,
        "logger": row.logger,
        "message": row.message,
        "skipped": row.skipped,
    }


def group(row: DeadGroupRecord) -> dict[str, Any]:
    """Return a group of dead letters."""
    return {
        "task": row.task,
        "reason": row.reason,
        "error_type": row.error_type,
        "message": row.message,
        "count": row.count,
        "latest_at": time(row.latest_at),
    }


def queue(row: QueueRecord) -> dict[str, Any]:
    """Return a queue, with every state's count."""
    return {
        "queue": row.name,
        "paused": row.paused,
        "paused_at": time(row.paused_at),
        "oldest_queued_at": time(row.oldest_queued_at),
        "due": row.due,
        "counts": dict(row.counts),
    }


def worker(row: WorkerRecord) -> dict[str, Any]:
    """Return a worker; spans are seconds."""
    return {
        "id": row.id,
        "host": row.host,
        "pid": row.pid,
        "version": row.version,
        "queues": list(row.queues),
        "slots": row.slots,
        "running": row.running,
        "joined_at": time(row.joined_at),
        "renewed_at": time(row.renewed_at),
        "silent_for": row.silent_for.total_seconds(),
        "lease": row.lease.total_seconds(),
        "hangs_for": row.stalled_for.total_seconds(),
        "alive": row.alive,
        "lost": row.lost,
        "state": row.state,
        "ordered": row.ordered,
        "report": None if row.report is None else _report(row.report),
        "unreadable": row.unreadable,
    }


def _report(row: WorkerReportRecord) -> dict[str, Any]:
    """Return what a worker says about itself; spans are seconds."""
    return {
        "reason": row.reason,
        "hung_for": row.hung_for.total_seconds(),
        "loop_lag": row.loop_lag.total_seconds(),
        "slots_in_use": row.slots_in_use,
        "slots_blocked": row.slots_blocked,
        "running": [
            {"id": job.id, "task": job.task, "started_at": time(job.started_at)}
            for job in row.running
        ],
        "progress_for": None if row.progress_for is None else row.progress_for.total_seconds(),
        "store_for": None if row.store_for is None else row.store_for.total_seconds(),
        "store_took": row.store_took.total_seconds(),
        "renewal_lag": row.renewal_lag.total_seconds(),
        "heartbeat": row.heartbeat.total_seconds(),
        "rss_mb": row.rss_mb,
        "app_version": row.app_version,
    }


def ordered(row: Ordered) -> dict[str, Any]:
    """Return what became of an order to workers; spans are seconds."""
    return {
        "order": row.order,
        "workers": list(row.workers),
        "within": row.within.total_seconds(),
        "pending": list(row.pending),
    }


def alert(row: AlertRecord) -> dict[str, Any]:
    """Return an alert with the messages about it."""
    return {
        "rule": row.rule,
        "subject": row.subject,
        "state": row.state,
        "severity": row.severity,
        "since": time(row.since),
        "changed_at": time(row.changed_at),
        "count": row.count,
        "title": row.title,
        "text": row.text,
        "error": row.error,
        "command": row.command,
        "announced_at": time(row.announced_at),
        "silenced_by": row.silenced_by,
        "unreadable": row.unreadable,
        "deliveries": [
            {
                "id": one.id,
                "sink": one.sink,
                "kind": one.kind,
                "at": time(one.at),
                "sent_at": time(one.sent_at),
                "attempt": one.attempt,
                "error": one.error,
                "given_up": one.given_up,
            }
            for one in row.deliveries
        ],
    }


def silence(row: SilenceRecord) -> dict[str, Any]:
    """Return a silence."""
    return {
        "id": row.id,
        "rule": row.rule,
        "subject": row.subject,
        "until": time(row.until),
        "reason": row.reason,
        "author": row.author,
        "created_at": time(row.created_at),
        "unreadable": row.unreadable,
    }


def alert_rule(row: RuleRecord) -> dict[str, Any]:
    """Return a rule; spans are seconds, its threshold too where it is a span."""
    return {
        "name": row.name,
        "about": row.about,
        "above": row.shown,
        "for": row.hold / 1_000_000,
        "severity": row.severity,
        "on": row.on,
        "own": row.own,
    }


def finding(row: Finding | ScheduleFinding) -> dict[str, Any]:
    """Return one thing that a check looked at."""
    return {"name": row.name, "ok": row.ok, "text": row.text}
