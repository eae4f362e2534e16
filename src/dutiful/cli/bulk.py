"""Changing many jobs from the command line: asking first, a progress bar, a stop by Ctrl-C."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dutiful.cli import as_json
from dutiful.cli.failure import Code, CommandFailed, Wrong
from dutiful.cli.prompt import ask
from dutiful.cli.render import plural, say
from dutiful.core.text import shown
from dutiful.manage.pace import RATE_MAX, RATE_MIN

if TYPE_CHECKING:
    from dutiful.manage.bulk import BulkResult

Call = Callable[..., Awaitable["BulkResult"]]
"""A call of the management interface that takes ``dry_run``, ``progress`` and ``stop``."""

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/\s*([smh]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
LOOK_FIRST = "add --yes, or count them first with --dry-run"


class BulkRequest(NamedTuple):
    """What is to be done to many jobs, in words, and how."""

    verb: str
    done: str
    as_json: bool
    dry_run: bool = False
    sure: bool = True
    """Whether no confirmation is needed."""
    total: int | None = None
    """How many there will be about, for the progress bar."""
    left: str = "their state has changed meanwhile"
    """Why some may be left as they were."""


def read_rate(text: str | None) -> float | None:
    """Read ``50/s``, ``600/m`` or ``50`` as jobs a second."""
    if text is None:
        return None
    match = _RATE.fullmatch(text.strip())
    rate = 0.0 if match is None else float(match[1]) / _SECONDS[match[2] or "s"]
    if not RATE_MIN <= rate <= RATE_MAX:
        raise Wrong(f"--rate {shown(text)} is not a rate", "write 50/s, 600/m or 1000/h")
    return rate


async def carry_out(request: BulkRequest, call: Call) -> BulkResult:
    """Count the jobs, ask where that is needed, change them, and say what was done.

    Raises Trouble when no job matched, or when a job was left as it was.
    """
    total = request.total
    if request.dry_run or not request.sure:
        counted = await call(dry_run=True)
        if not request.dry_run and counted.matched:
            jobs = plural(counted.matched, "job")
            ask(
                f"{request.verb.capitalize()} {jobs}?",
                f"{jobs} would be {request.done}",
                as_json=request.as_json,
                advice=LOOK_FIRST,
            )
        if request.dry_run:
            return _tell(request, counted)
        total = counted.matched
    return _tell(request, await _change(request, call, total))


async def _change(request: BulkRequest, call: Call, total: int | None) -> BulkResult:
    """Change the jobs under a progress bar; Ctrl-C ends it after the current batch."""
    seen = 0
    with (
        _stopping() as stop,
        bar(None if request.as_json else request.verb, total) as advance,
    ):

        def progress(result: BulkResult) -> None:
            nonlocal seen
            advance(result.matched - seen)
            seen = result.matched

        return await call(progress=progress, stop=stop)


def _tell(request: BulkRequest, result: BulkResult) -> BulkResult:
    left = 0 if request.dry_run else result.left
    if request.as_json:
        as_json.emit(
            {
                "matched": result.matched,
                request.done: result.changed,
                "left": left,
                "dry_run": request.dry_run,
                "interrupted": result.stopped,
            }
        )
    if result.stopped:
        raise CommandFailed(
            f"stopped by Ctrl-C; {plural(result.changed, 'job')} {request.done}",
            Code.INTERRUPTED,
            "run the same command again to go on with the rest",
        )
    if not result.matched:
        raise CommandFailed("no job matches; nothing was changed")
    if request.dry_run:
        if not request.as_json:
            say(f"{plural(result.matched, 'job')} would be {request.done}; nothing was changed.")
        return result
    if not request.as_json:
        say(f"{plural(result.changed, 'job')} {request.done}.")
    if left:
        raise CommandFailed(
            f"{plural(left, 'job')} left as {'it was' if left == 1 else 'they were'}",
            advice=request.left,
        )
    return result


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
