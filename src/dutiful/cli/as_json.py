"""What ``--json`` prints: instants as ISO 8601 in UTC, states as words, keys that stay."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from dutiful.core.instant import SECOND
from dutiful.core.instant import iso as instant_text
from dutiful.core.text import STEERING

if TYPE_CHECKING:
    from dutiful.contract.fleet import WorkerStatus
    from dutiful.contract.page import DeadGroup, Finding, QueueCount
    from dutiful.core.job import AttemptError, Job


_DEPTH_MAX = 100
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


def value(raw: bytes | None) -> Any:
    """Return stored JSON as a value; as text where it is not JSON or too deep for most readers."""
    if raw is None:
        return None
    try:
        found = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return raw.decode(errors="backslashreplace")
    return found if _shallow(found) else raw.decode(errors="backslashreplace")


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _shallow(value: Any) -> bool:
    """Whether a value is nested no deeper than our own writers let it be, with room to spare."""
    level: list[Any] = [value]
    for _ in range(_DEPTH_MAX):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return True
    return False


def _parts(value: Any) -> tuple[Any, ...]:
    if _is(value, dict):
        return tuple(value.values())
    return tuple(value) if _is(value, list) else ()


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind)


def job(row: Job) -> dict[str, Any]:
    """Return a job."""
    return {
        "id": row.id,
        "task": row.task,
        "queue": row.queue,
        "state": row.state.word,
        "priority": row.priority,
        "attempt": row.attempt,
        "max_attempts": row.max_attempts,
        "crashes": row.crashes,
        "enqueued_at": iso(row.enqueued_at),
        "run_at": iso(row.run_at),
        "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at),
        "expires_at": iso(row.expires_at),
        "redriven_at": iso(row.redriven_at),
        "worker": row.worker,
        "reason": row.reason,
        "cancel_requested": row.cancel_requested,
        "unique_key": row.unique_key,
        "tags": list(row.tags),
        "meta": dict(row.meta),
        "args": value(row.args),
        "result": value(row.result),
        "unreadable": row.unreadable,
    }


def error(row: AttemptError) -> dict[str, Any]:
    """Return what one failed attempt left behind."""
    return {
        "attempt": row.attempt,
        "at": iso(row.at),
        "worker": row.worker,
        "type": row.type,
        "message": row.message,
        "traceback": row.traceback,
    }


def group(row: DeadGroup) -> dict[str, Any]:
    """Return a group of dead letters."""
    return {
        "task": row.task,
        "reason": row.reason,
        "error_type": row.error_type,
        "message": row.message,
        "count": row.count,
        "latest_at": iso(row.latest_at),
    }


def queue(row: QueueCount) -> dict[str, Any]:
    """Return a queue, with every state's count."""
    from dutiful.core.state import State

    return {
        "queue": row.queue,
        "paused": row.paused_at is not None,
        "paused_at": iso(row.paused_at),
        "oldest_queued_at": iso(row.oldest_queued_at),
        "due": row.due,
        "counts": {state.word: row.counts.get(state, 0) for state in State},
    }


def worker(row: WorkerStatus) -> dict[str, Any]:
    """Return a worker; spans are seconds."""
    info = row.info
    return {
        "id": info.id,
        "host": info.host,
        "pid": info.pid,
        "version": info.version,
        "queues": list(info.queues),
        "slots": info.concurrency,
        "running": row.running,
        "joined_at": iso(row.joined_at),
        "renewed_at": iso(row.renewed_at),
        "silent_for": row.silent_for / SECOND,
        "lease": info.lease / SECOND,
        "hangs_for": row.stalled_for / SECOND,
        "alive": row.alive,
        "lost": row.lost,
        "unreadable": row.unreadable,
    }


def finding(row: Finding) -> dict[str, Any]:
    """Return one thing that a check looked at."""
    return {"name": row.name, "ok": row.ok, "text": row.text}
