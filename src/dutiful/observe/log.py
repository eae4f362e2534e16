"""Renders events as log records; the only place that writes their text."""

from __future__ import annotations

import logging

from dutiful.core import event as e
from dutiful.core.instant import spell
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.core.successes import successes
from dutiful.core.text import visible

from .event_text import worded
from .record_fields import fields_of, fields_of_settlement

_LOG = logging.getLogger("dutiful")

UNLOGGED = frozenset({e.Enqueued, e.Claimed, e.JobStarted})
"""The events that the log of an app ignores: they are as many as there are jobs.

`log_starts` writes those of starts, where they are asked for.
"""
SLOW_AFTER = 30_000_000
"""Microseconds; see the setting ``slow_after``."""


def log(event: e.Event, slow_after: int | None = SLOW_AFTER) -> None:
    """Write one event to the ``dutiful`` logger; arguments and results are never written.

    The record has the event's name as ``event_name`` and its fields as attributes, which any
    formatter can read. A success is written at debug, and at info when its attempt took longer
    than ``slow_after``, in microseconds.
    """
    if type(event) is e.Settled:
        debug, alike = debugged(), successes(event)
        if alike is not None and not debug and (slow_after is None or alike.run_max <= slow_after):
            return
        for settlement in event.settlements:
            if settlement.state is State.SUCCEEDED:
                if debug or slow_after is not None:
                    _succeeded(settlement, slow_after, debug=debug)
            elif settlement.error is not None:
                _failed(settlement)
        return
    line = worded(event)
    if line is not None:
        level, text, args = line
        _write(level, text, args, type(event).__name__, fields_of(event))


def debugged() -> bool:
    """Whether the logger's level asks for a line for each start and success of a job."""
    return _LOG.isEnabledFor(logging.DEBUG)


def log_starts(event: e.Event) -> None:
    """Write the start of a job, at debug."""
    if type(event) is e.JobStarted:
        log(event)


def _write(
    level: int, text: str, args: tuple[object, ...], name: str, fields: dict[str, object]
) -> None:
    """Write one line; text of tasks, rows or people cannot steer a terminal.

    The store keeps the original text.
    """
    if _LOG.isEnabledFor(level):
        shown = [visible(arg) if isinstance(arg, str) else arg for arg in args]
        _LOG.log(level, visible(text), *shown, extra={"event_name": name, **fields}, stacklevel=3)


def _succeeded(item: Settlement, slow_after: int | None, *, debug: bool) -> None:
    job = item.claim.job
    took = 0 if job.started_at is None else max(item.at - job.started_at, 0)
    slow = slow_after is not None and took > slow_after
    if not (slow or debug):
        return
    level = logging.INFO if slow else logging.DEBUG
    if _LOG.isEnabledFor(level):
        fields: dict[str, object] = {**fields_of_settlement(item)}
        fields["seconds"] = took / 1_000_000
        text = "job %s (%s) succeeded after %s" + (", which is slow" if slow else "")
        _write(level, text, (job.id, job.task, spell(took // 1_000 * 1_000)), "Settled", fields)


def _failed(item: Settlement) -> None:
    job, error = item.claim.job, item.error
    if item.state is State.DEAD or error is None or item.parked_at is not None:
        return
    text = "job %s (%s) attempt %d/%d failed: %s: %s; now %s"
    args = (job.id, job.task, error.attempt, job.max_attempts, error.type, error.message)
    fields = fields_of_settlement(item)
    _write(logging.WARNING, text, (*args, item.state.word), "Settled", fields)
