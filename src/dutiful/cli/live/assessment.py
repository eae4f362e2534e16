"""One sentence that says whether everything is well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from dutiful.cli import render
from dutiful.core.instant import MINUTE, SECOND
from dutiful.manage.frame_records import Frame, QueueFrame
from dutiful.manage.reading import micros

Level = Literal["ok", "warn", "bad"]

_NAMED = 3
_OLD = MINUTE
"""A queue that grows is worth a word when a job has waited for so long."""


class Assessment(NamedTuple):
    """How things are, and the sentence."""

    level: Level
    sentence: str


def assess(frame: Frame) -> Assessment:
    """Judge a frame: the worst things are named, and how many more there are."""
    bad, warnings = [*_bad(frame)], [*_warnings(frame)]
    if not (bad or warnings):
        return Assessment("ok", _well(frame))
    found = bad + warnings
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Assessment("bad" if bad else "warn", f"{'; '.join(found[:_NAMED])}{more}.")


def _bad(frame: Frame) -> Iterator[str]:
    critical = sum(one.severity == "critical" for one in frame.alerts)
    if critical:
        yield _fire(critical, "critical alert")
    for one in frame.workers:
        record = one.record
        if record.state in ("lost", "overdue", "hung"):
            word = {"lost": "is lost", "overdue": "does not answer", "hung": "hangs"}[record.state]
            yield f"Worker {record.id} {word}"
    for queue in frame.queues:
        if queue.trend == "unserved":
            yield f"{_waiting(queue)} in {queue.name}, which no worker serves"
        elif queue.trend == "stuck":
            yield f"{_waiting(queue)} in {queue.name}, and none starts"


def _fire(count: int, noun: str) -> str:
    return f"{render.plural(count, noun)} {'fires' if count == 1 else 'fire'}"


def _warnings(frame: Frame) -> Iterator[str]:
    others = sum(one.severity != "critical" for one in frame.alerts)
    if others:
        yield _fire(others, "alert")
    for schedule in frame.schedules:
        if schedule.broken is not None:
            yield f"Schedule {schedule.name} is broken"
    for queue in frame.queues:
        if queue.trend == "growing" and _age(queue, frame) >= _OLD:
            yield (
                f"Queue {queue.name} grows faster than it is worked off, "
                f"its oldest job waits for {render.rough(_age(queue, frame))}"
            )
    for queue in frame.queues:
        if queue.paused and queue.waiting:
            yield f"Queue {queue.name} is paused, and {_waiting(queue)}"


def _waiting(queue: QueueFrame) -> str:
    verb = "waits" if queue.waiting == 1 else "wait"
    return f"{render.plural(queue.waiting, 'job')} {verb}"


def _age(queue: QueueFrame, frame: Frame) -> int:
    return 0 if queue.oldest_at is None else micros(frame.at) - micros(queue.oldest_at)


def _well(frame: Frame) -> str:
    parts = [*_workers(frame), *_jobs(frame)]
    return "All is well" + (f": {'; '.join(parts)}." if parts else ", as far as it can be seen.")


def _workers(frame: Frame) -> Iterator[str]:
    if not frame.workers:
        if any(one.served is not None for one in frame.queues) and not frame.missing:
            yield "no worker runs, and none is needed"
        return
    slots = sum(one.record.slots for one in frame.workers)
    used = sum(one.record.running for one in frame.workers)
    verb = "uses" if len(frame.workers) == 1 else "use"
    yield (
        f"{render.plural(len(frame.workers), 'worker')} {verb} "
        f"{min(used, slots):,} of {render.plural(slots, 'slot')}"
    )


def _jobs(frame: Frame) -> Iterator[str]:
    if frame.counted_at is None:
        return
    waiting = sum(one.waiting for one in frame.queues if not one.paused)
    if not waiting:
        yield "no job waits"
        return
    oldest = max(_age(one, frame) for one in frame.queues if not one.paused)
    text = f"{render.plural(waiting, 'job')} {'waits' if waiting == 1 else 'wait'}"
    yield f"{text}, the oldest for {render.rough(oldest)}" if oldest >= SECOND else text
