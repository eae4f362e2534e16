"""Looks up jobs: one by its id or the beginning of it, many page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from dutiful.contract.page import PREFIX_MIN, Filter, JobPage
from dutiful.contract.roles.inspector import Inspector
from dutiful.core.errors import JobNotFound
from dutiful.core.instant import MINUTE
from dutiful.core.job import AttemptError, Job
from dutiful.core.state import State

T = TypeVar("T")

BATCH = 200
"""How many characters of an id suffice to find its job."""


async def one(inspector: Inspector, text: str) -> Job:
    """Find the job of an id or of its beginning; raises JobNotFound."""
    found = await inspector.get([text])
    if found:
        return found[0]
    near = await _beginning_with(inspector, text) if len(text) >= PREFIX_MIN else ()
    raise JobNotFound(text, near if len(near) > 1 else ())


async def each(inspector: Inspector, ids: Sequence[str]) -> list[Job]:
    """Find the jobs of several ids, each once; raises JobNotFound for the first without one."""
    found: dict[str, Job] = {}
    for start in range(0, len(ids), BATCH):
        asked = ids[start : start + BATCH]
        jobs = {job.id: job for job in await inspector.get(asked)}
        for text in asked:
            job = jobs.get(text) or await one(inspector, text)
            found[job.id] = job
    return list(found.values())


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


async def batches(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield what is at hand as `pages` yields the jobs of a store."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


async def latest_errors(inspector: Inspector, page: JobPage) -> dict[str, AttemptError]:
    """Return the latest error of those jobs whose last attempt failed."""
    found: dict[str, AttemptError] = {}
    for job in page.jobs:
        failed = job.state is State.DEAD or (job.state is State.SCHEDULED and job.attempt > 0)
        if failed and (errors := await inspector.errors(job.id)):
            found[job.id] = errors[-1]
    return found


async def _beginning_with(inspector: Inspector, text: str) -> list[str]:
    """Look among jobs of the time in the id itself: the ids of jobs are UUIDs of version 7.

    The time in an id is the client's and a filter's is the store's, so the window is wider.
    """
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
