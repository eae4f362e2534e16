"""The lists of a frame: queues, workers with what they run, failures, schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from dutiful.cli import render
from dutiful.cli.live.cells import Cell, ScreenColumn, amount, row, speed
from dutiful.cli.live.list_row import BAD, DIM, WARN, WIDE, Row
from dutiful.cli.live.worker_rows import worker_columns, worker_rows
from dutiful.contract.capability import Capability
from dutiful.core.instant import MINUTE
from dutiful.manage.frame_records import (
    FailureFrame,
    Frame,
    QueueFrame,
    ScheduleFrame,
)
from dutiful.manage.rates import KEEPS_UP
from dutiful.manage.reading import micros, spent

if TYPE_CHECKING:
    from rich.text import Text

Name = Literal["queues", "workers", "failures", "schedules"]
NAMES: tuple[Name, ...] = ("queues", "workers", "failures", "schedules")


class Section(NamedTuple):
    """A list; its first column's heading is its name."""

    name: Name
    columns: Callable[[int], tuple[ScreenColumn, ...]]
    rows: tuple[Row, ...]
    empty: str
    """What to say where there is no row."""
    few: tuple[Row, ...] = ()
    """The rows that matter most, for where not all have room."""


def sections(frame: Frame, now: int) -> tuple[Section, ...]:
    """Return the four lists; ``now`` is the store's time in microseconds."""
    workers = tuple(worker_rows(frame.workers, now))
    return (
        Section(
            "queues",
            _queue_columns,
            tuple(_queue_row(one, now) for one in _busy_first(frame.queues)),
            _or_missing(frame, Capability.INSPECT, "none yet; a queue exists once it has a job"),
        ),
        Section(
            "workers",
            worker_columns,
            workers,
            _or_missing(frame, Capability.FLEET, "none; start one: dutiful worker MODULE:NAME"),
            tuple(one for one in workers if one.job_id is None),
        ),
        Section(
            "failures",
            _failure_columns,
            tuple(_failure_row(one, now) for one in frame.failures),
            _or_missing(frame, Capability.INSPECT, _no_failure(frame)),
        ),
        Section(
            "schedules",
            _schedule_columns,
            tuple(_schedule_row(one, now) for one in frame.schedules),
            _or_missing(frame, Capability.SCHEDULES, "none is active"),
        ),
    )


def _or_missing(frame: Frame, needs: Capability, otherwise: str) -> str:
    return f"this store cannot {needs.value}" if needs in frame.missing else otherwise


def _no_failure(frame: Frame) -> str:
    dead = sum(one.dead for one in frame.queues)
    older = f"; {render.plural(dead, 'older dead letter')}: dutiful dead list" if dead else ""
    return f"none in the last hour{older}"


def _busy_first(queues: Iterable[QueueFrame]) -> list[QueueFrame]:
    def idle(one: QueueFrame) -> bool:
        held = one.waiting or one.running or one.later or one.dead
        return not (held or one.rate or one.paused)

    return sorted(queues, key=lambda one: (idle(one), one.name))


def _queue_columns(width: int) -> tuple[ScreenColumn, ...]:
    return (
        ScreenColumn("QUEUES"),
        ScreenColumn("waiting", 8, right=True),
        ScreenColumn("running", 7, right=True),
        ScreenColumn("later", 7, right=True),
        ScreenColumn("dead", 7, right=True),
        ScreenColumn("oldest", 6, right=True),
        ScreenColumn("done/s", 6, right=True),
        ScreenColumn("empty in", 14 if width < WIDE else 24),
    )


def _queue_row(one: QueueFrame, now: int) -> Row:
    outlook = _outlook(one)

    def draw(width: int) -> Text:
        old = "" if one.oldest_at is None else render.rough(now - micros(one.oldest_at))
        cells = (
            Cell(one.name, "bold"),
            _count(one.waiting, "cyan"),
            _count(one.running, "yellow"),
            _count(one.later, "blue"),
            _count(one.dead, BAD),
            Cell(old),
            Cell("?" if one.rate is None else speed(one.rate), "" if one.rate else DIM),
            outlook,
        )
        return row(_queue_columns(width), cells, width)

    return Row(f"queue {one.name}", draw, queue=one)


def _count(number: int, style: str) -> Cell:
    return Cell(amount(number), style if number else DIM)


def _outlook(one: QueueFrame) -> Cell:
    match one.trend:
        case "empty":
            return Cell("")
        case "paused":
            return Cell("paused", WARN)
        case "unserved":
            return Cell("no worker", BAD)
        case "stuck":
            return Cell("none starts", BAD)
        case "growing":
            return Cell(f"grows {speed(one.growth or 0)}/s", WARN)
        case "steady":
            level = not one.rate or one.waiting > one.rate * KEEPS_UP
            return Cell("keeps level" if level else "keeps up", DIM)
        case "unknown":
            return Cell("?", DIM)
        case _:
            least = "at least " if one.trend == "at-least" else ""
            return Cell(least + ("" if one.empty_in is None else render.rough(spent(one.empty_in))))


def _failure_columns(width: int) -> tuple[ScreenColumn, ...]:
    return (
        ScreenColumn("FAILURES", 16 if width < WIDE else 24),
        ScreenColumn("when", 8, right=True),
        ScreenColumn("tried", 5, right=True),
        ScreenColumn("then", 5),
        ScreenColumn("error"),
    )


def _failure_row(one: FailureFrame, now: int) -> Row:
    def draw(width: int) -> Text:
        kind = one.error_type.rpartition(".")[2]
        first = one.message.strip().partition("\n")[0]
        dead = one.state == "dead"
        cells = (
            Cell(one.task, "bold"),
            Cell(_when(one.at, now)),
            Cell(f"{one.attempt}/{one.max_attempts}" if one.job_id else f"{one.count}x", DIM),
            Cell("dead" if dead else "retry" if one.job_id else "", BAD if dead else "magenta"),
            Cell(f"{kind}: {first}" if kind and first else kind or first, "red" if dead else ""),
        )
        return row(_failure_columns(width), cells, width)

    key = one.job_id or f"{one.queue} {one.task}"
    return Row(f"failure {key}", draw, job_id=one.job_id, failed=one.job_id is not None)


def _schedule_columns(width: int) -> tuple[ScreenColumn, ...]:
    return (
        ScreenColumn("SCHEDULES", 22 if width < WIDE else 40),
        ScreenColumn("next", 8, right=True),
        ScreenColumn("at", 8),
        ScreenColumn("task"),
    )


def _schedule_row(one: ScheduleFrame, now: int) -> Row:
    def draw(width: int) -> Text:
        at = None if one.next is None else micros(one.next)
        late = at is not None and now - at > MINUTE
        clock = "" if at is None else render.local(at)[11:19]
        what = Cell(f"broken: {one.broken}", BAD) if one.broken else Cell(one.task or "", DIM)
        cells = (
            Cell(one.name, "bold"),
            Cell("" if one.next is None else _when(one.next, now), WARN if late else ""),
            Cell(clock, DIM),
            what,
        )
        return row(_schedule_columns(width), cells, width)

    return Row(f"schedule {one.name}", draw)


def _when(at: datetime, now: int) -> str:
    return render.ago(micros(at), now)
