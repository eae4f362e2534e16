"""From options to jobs: filters, moments, ids that a person shortened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dutiful.cli.failure import Code, Trouble, Wrong
from dutiful.cli.options import Chosen, Letters, Paging
from dutiful.core.errors import BadOption
from dutiful.core.instant import MINUTE, instant, span
from dutiful.core.state import State
from dutiful.core.text import shown

if TYPE_CHECKING:
    from dutiful.contract.page import Filter, Page
    from dutiful.contract.protocol import Inspector
    from dutiful.core.job import Job

BATCH = 200
_SHOWN = 4


def read_states(words: Sequence[str]) -> tuple[State, ...]:
    """Read states as users type them, also joined by commas; none where no word is given."""
    known = {state.word: state for state in State}
    states: list[State] = []
    for word in ",".join(words).lower().split(",") if words else ():
        if not word.strip():
            raise Wrong(
                f"--state {shown(','.join(words))} holds an empty state",
                "write one state, or several with a comma between each two: queued,waiting",
            )
        if (state := known.get(word.strip())) is None:
            near = get_close_matches(word, known, 1)
            advice = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
            raise Wrong(f"no state {word.strip()!r}; {advice}")
        states.append(state)
    return tuple(states)


def read_moment(text: str, now: int, option: str) -> int:
    """Read ``2h`` as two hours ago, or an ISO date and time (local when it names no zone)."""
    from datetime import datetime

    try:
        return now - span(text)
    except BadOption:
        pass
    try:
        return instant(datetime.fromisoformat(text).astimezone())
    except BadOption as error:
        raise Wrong(f"{option}: {error}") from None
    except (ValueError, OverflowError):
        raise Wrong(
            f"{option} {shown(text)} is not a time", "write 30m, 2h, 7d, or 2026-03-01T09:00"
        ) from None


def read_filter(chosen: Letters, states: tuple[State, ...], now: int) -> Filter:
    """Build the filter that the options describe."""
    from dutiful.contract.page import Filter

    since = None if chosen.since is None else read_moment(chosen.since, now, "--since")
    until = None if chosen.until is None else read_moment(chosen.until, now, "--until")
    # A look at dead letters asks when they died, which may be long after they were enqueued.
    enqueued = isinstance(chosen, Chosen)
    return Filter(
        states=states,
        queues=tuple(chosen.queue),
        tasks=tuple(chosen.task),
        tag=chosen.tag,
        reason=chosen.reason,
        error_type=chosen.error,
        worker=chosen.worker if isinstance(chosen, Chosen) else None,
        unreadable=isinstance(chosen, Chosen) and chosen.unreadable,
        enqueued_after=since if enqueued else None,
        enqueued_before=until if enqueued else None,
        finished_after=None if enqueued else since,
        finished_before=None if enqueued else until,
    )


def narrow(chosen: Letters) -> bool:
    """Whether any filter was given."""
    return chosen != type(chosen)()


async def one(inspector: Inspector, text: str) -> Job:
    """Find the job of an id or of its beginning."""
    found = await inspector.get([text])
    if found:
        return found[0]
    raise await missing(inspector, text)


async def missing(inspector: Inspector, text: str) -> Trouble:
    """Say why an id names no job: too short, unknown, or the beginning of several."""
    from dutiful.contract.page import PREFIX_MIN

    if len(text) < PREFIX_MIN:
        return Trouble(
            f"{text!r} is too short for a job's id",
            Code.NOT_FOUND,
            f"give {PREFIX_MIN} characters or more, as `dutiful jobs list` shows them",
        )
    near = await _beginning_with(inspector, text)
    if len(near) > 1:
        ids = ", ".join(near[:_SHOWN]) + (", …" if len(near) > _SHOWN else "")
        return Trouble(f"several jobs begin with {text}: {ids}", Code.NOT_FOUND, "give more of it")
    return Trouble(
        f"no job {text}",
        Code.NOT_FOUND,
        "it may have been pruned or purged; `dutiful jobs list` shows what there is",
    )


async def _beginning_with(inspector: Inspector, text: str) -> list[str]:
    """Look among jobs of the time that the id itself tells: the ids of jobs are UUIDs of version 7.

    The time in an id is the client's and a filter's is the store's, so the window is wider.
    """
    from dutiful.contract.page import Filter

    digits = text.replace("-", "").lower()[:12]
    try:
        first, last = int(digits.ljust(12, "0"), 16), int(digits.ljust(12, "f"), 16)
    except ValueError:
        return []
    if last * 1000 + 10 * MINUTE >= 2**63:
        return []
    window = Filter(
        enqueued_after=first * 1000 - 10 * MINUTE, enqueued_before=last * 1000 + 10 * MINUTE
    )
    page = await inspector.find(window, 5 * BATCH)
    return [job.id for job in page.jobs if job.id.startswith(text)]


async def pages(
    inspector: Inspector, which: Filter, limit: int | None = None, size: int = BATCH
) -> AsyncIterator[tuple[Job, ...]]:
    """Walk through matching jobs, newest first, a page at a time, at most ``limit`` in all."""
    left, cursor = limit, None
    while left is None or left > 0:
        page = await inspector.find(which, size if left is None else min(size, left), cursor)
        if page.jobs:
            yield page.jobs
        if left is not None:
            left -= len(page.jobs)
        cursor = page.cursor
        if cursor is None:
            return


async def page(inspector: Inspector, which: Filter, paging: Paging) -> Page:
    """Return the page asked for; pages before it are walked over."""
    found = await inspector.find(which, paging.limit, paging.cursor)
    for _ in range(paging.page - 1):
        if found.cursor is None:
            return type(found)(())
        found = await inspector.find(which, paging.limit, found.cursor)
    return found


async def named(
    inspector: Inspector, ids: Sequence[str], states: Sequence[State], verb: str
) -> list[Job]:
    """Find jobs by id; raises Trouble, before anything is changed, when one has another state."""
    jobs = {job.id: job for job in [await one(inspector, text) for text in ids]}
    for job in jobs.values():
        if job.state not in states and not (verb == "purged" and job.purgeable):
            words = ", ".join(state.word for state in states)
            raise Trouble(
                f"job {job.id} is {job.state.word} and cannot be {verb}",
                advice=f"only {words} jobs can; nothing was changed",
            )
    return list(jobs.values())


async def batches(jobs: Sequence[Job]) -> AsyncIterator[tuple[Job, ...]]:
    """Yield jobs that are at hand as `pages` yields those of the store."""
    for start in range(0, len(jobs), BATCH):
        yield tuple(jobs[start : start + BATCH])
