"""Doing one thing to many jobs: in small batches, at a rate, stoppable without losing count."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dutiful.cli import as_json
from dutiful.cli.failure import Code, Trouble, Wrong
from dutiful.cli.prompt import ask
from dutiful.cli.render import plural, say
from dutiful.core.text import shown

if TYPE_CHECKING:
    from dutiful.core.job import Job

Act = Callable[[Sequence["Job"]], Awaitable[Sequence[str]]]
Source = Callable[[], AsyncIterator["tuple[Job, ...]"]]

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/\s*([smh]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_RATE_MIN, _RATE_MAX = 1 / 86_400, 1_000_000
_SLICE_SECONDS = 0.2
LOOK_FIRST = "add --yes, or look first with --dry-run"


class Order(NamedTuple):
    """What is to be done to many jobs, in words, and how."""

    verb: str
    done: str
    as_json: bool
    dry_run: bool = False
    sure: bool = True
    """Whether no confirmation is needed."""
    rate: float | None = None
    total: int | None = None
    """How many there will be about, for the progress bar."""
    left: str = "they moved to another state meanwhile"
    """Why some may be left as they were."""


@dataclass
class Tally:
    """How far a sweep came."""

    matched: int = 0
    changed: int = 0
    stopped: bool = False

    def as_object(self, verb: str, *, dry_run: bool) -> dict[str, Any]:
        """Return the counts for ``--json``; ``verb`` is the key of those changed."""
        return {
            "matched": self.matched,
            verb: self.changed,
            "left": 0 if dry_run else self.matched - self.changed,
            "dry_run": dry_run,
            "interrupted": self.stopped,
        }


def read_rate(text: str | None) -> float | None:
    """Read ``50/s``, ``600/m`` or ``50`` as jobs a second."""
    if text is None:
        return None
    match = _RATE.fullmatch(text.strip())
    rate = 0.0 if match is None else float(match[1]) / _SECONDS[match[2] or "s"]
    if not _RATE_MIN <= rate <= _RATE_MAX:
        raise Wrong(f"--rate {shown(text)} is not a rate", "write 50/s, 600/m or 1000/h")
    return rate


async def sweep(
    batches: AsyncIterator[tuple[Job, ...]],
    act: Act,
    *,
    rate: float | None = None,
    total: int | None = None,
    label: str | None = None,
) -> Tally:
    """Do ``act`` to every batch; Ctrl-C ends it after the batch in hand.

    ``label`` asks for a progress bar on a terminal, ``total`` tells its length.
    """
    tally, started = Tally(), time.monotonic()
    size = None if rate is None else max(1, int(rate * _SLICE_SECONDS))
    with _stopping() as stop, bar(label, total) as advance:
        async for batch in batches:
            for part in _slices(batch, size or len(batch)):
                if rate is not None:
                    await _pause(stop, started + tally.matched / rate - time.monotonic())
                if stop.is_set():
                    tally.stopped = True
                    return tally
                tally.changed += len(await act(part))
                tally.matched += len(part)
                advance(len(part))
    return tally


async def carry_out(order: Order, source: Source, act: Act) -> int:
    """Count the jobs, ask where that is needed, sweep, and say what was done.

    Returns the exit code: it is bad when no job matched, or when a job was left as it was.
    """
    total = None
    if order.dry_run or not order.sure:
        total = await _count(source())
        if not order.dry_run and total:
            jobs = plural(total, "job")
            ask(
                f"{order.verb.capitalize()} {jobs}?",
                f"{jobs} would be {order.done}",
                as_json=order.as_json,
                advice=LOOK_FIRST,
            )
    if order.dry_run:
        tally = Tally(matched=total or 0)
    else:
        label = None if order.as_json else order.verb
        known = order.total if total is None else total
        tally = await sweep(source(), act, rate=order.rate, total=known, label=label)
    return _tell(order, tally)


async def _count(batches: AsyncIterator[tuple[Job, ...]]) -> int:
    """Count jobs without keeping them."""
    total = 0
    async for batch in batches:
        total += len(batch)
    return total


def _tell(order: Order, tally: Tally) -> int:
    left = tally.matched - tally.changed
    if order.as_json:
        as_json.emit(tally.as_object(order.done, dry_run=order.dry_run))
    if tally.stopped:
        raise Trouble(
            f"stopped by Ctrl-C; {plural(tally.changed, 'job')} {order.done}",
            Code.INTERRUPTED,
            "run the same command again to go on with the rest",
        )
    if not tally.matched:
        raise Trouble("no job matches; nothing was changed")
    if order.dry_run:
        if not order.as_json:
            say(f"{plural(tally.matched, 'job')} would be {order.done}; nothing was changed.")
        return Code.OK
    if not order.as_json:
        say(f"{plural(tally.changed, 'job')} {order.done}.")
    if left:
        raise Trouble(
            f"{plural(left, 'job')} left as {'it was' if left == 1 else 'they were'}",
            advice=order.left,
        )
    return Code.OK


def _slices(batch: Sequence[Job], size: int) -> Iterator[Sequence[Job]]:
    return (batch[start : start + size] for start in range(0, len(batch), size))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


@contextmanager
def _stopping() -> Generator[asyncio.Event]:
    """Turn the first Ctrl-C into an event, so that a batch under way is counted; give back more."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def obey() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    try:
        loop.add_signal_handler(signal.SIGINT, obey)
    except (NotImplementedError, RuntimeError, ValueError):  # not here: Windows, or another thread
        yield stop
        return
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def bar(label: str | None, total: int | None) -> Generator[Callable[[int], None]]:
    """Show a progress bar on a terminal; yields what moves it on."""
    if label is None or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.advance(task, done)
