"""From options to jobs: filters, moments, ids that a person shortened."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dutiful.cli.failure import Code, CommandFailed, Wrong
from dutiful.cli.options import Chosen, Letters, Paging
from dutiful.core.errors import BadOption, JobNotFound
from dutiful.core.instant import instant, moment, span
from dutiful.core.state import State
from dutiful.core.text import shown

if TYPE_CHECKING:
    from dutiful.manage.jobs import Jobs
    from dutiful.manage.page import Page
    from dutiful.manage.records import JobRecord

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


def read_filter(chosen: Letters, states: Sequence[State], now: int) -> dict[str, Any]:
    """Return the filters that the options describe, by the names that `Jobs.list` takes."""
    # A look at dead letters asks when they died, which may be long after they were enqueued.
    verb = "enqueued" if isinstance(chosen, Chosen) else "finished"
    found: dict[str, Any] = {
        "queue": tuple(chosen.queue),
        "task": tuple(chosen.task),
        "state": tuple(state.word for state in states),
        "tag": chosen.tag,
        "reason": chosen.reason,
        "error_type": chosen.error,
    }
    if chosen.since is not None:
        found[f"{verb}_after"] = moment(read_moment(chosen.since, now, "--since"))
    if chosen.until is not None:
        found[f"{verb}_before"] = moment(read_moment(chosen.until, now, "--until"))
    if isinstance(chosen, Chosen):
        found |= {"worker": chosen.worker, "unreadable": chosen.unreadable}
    return {name: given for name, given in found.items() if given not in (None, (), False)}


def narrow(chosen: Letters) -> bool:
    """Whether any filter was given."""
    return chosen != type(chosen)()


async def one(jobs: Jobs, text: str) -> JobRecord:
    """Find the job of an id or of its beginning."""
    try:
        return await jobs.aget(text)
    except JobNotFound as error:
        raise _missing(error) from error


def _missing(error: JobNotFound) -> CommandFailed:
    """Say why an id names no job: too short, unknown, or the beginning of several."""
    from dutiful.contract.page import PREFIX_MIN

    text, near = error.job_id, error.near
    if len(text) < PREFIX_MIN:
        return CommandFailed(
            f"{text!r} is too short for a job's id",
            Code.NOT_FOUND,
            f"give {PREFIX_MIN} characters or more, as `dutiful jobs list` shows them",
        )
    if near:
        ids = ", ".join(near[:_SHOWN]) + (", …" if len(near) > _SHOWN else "")
        return CommandFailed(
            f"several jobs begin with {text}: {ids}", Code.NOT_FOUND, "give more of it"
        )
    return CommandFailed(
        f"no job {text}",
        Code.NOT_FOUND,
        "it may have been pruned or purged; `dutiful jobs list` shows what there is",
    )


async def page(
    jobs: Jobs, which: dict[str, Any], paging: Paging, *, with_errors: bool
) -> Page[JobRecord]:
    """Return the page asked for; pages before it are walked over."""
    cursor = paging.cursor
    for _ in range(paging.page - 1):
        before = await jobs.alist(limit=paging.limit, after=cursor, **which)
        if before.next_cursor is None:
            return type(before)(())
        cursor = before.next_cursor
    return await jobs.alist(limit=paging.limit, after=cursor, with_errors=with_errors, **which)


async def named(jobs: Jobs, ids: Sequence[str], states: Sequence[State], verb: str) -> list[str]:
    """Return full ids; raises Trouble, before anything is changed, if one has another state."""
    allowed = [state.word for state in states]
    found = {job.id: job for job in [await one(jobs, text) for text in ids]}
    for job in found.values():
        if job.state not in allowed and not (verb == "purged" and job.purgeable):
            raise CommandFailed(
                f"job {job.id} is {job.state} and cannot be {verb}",
                advice=f"only {', '.join(allowed)} jobs can; nothing was changed",
            )
    return list(found)
