"""What every job must satisfy before a store accepts it, built by code, a hook or SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter, is_
from typing import Any

import msgspec

from .containers import is_dict, is_series
from .errors import BadOption, PayloadTooLarge
from .instant import SPAN_MAX, within_years
from .job import NewJob
from .payload import offence
from .queue import queue_name
from .retry import attempts
from .text import line, shown, whole
from .unique import Unique, admissible

NAME_MAX = 200
"""The longest id, task name and tag, in characters."""
PRIORITY_MAX = 100
TAGS_MAX = 100
META_BYTES_MAX = 64 * 1024
"""The largest meta of a job, as JSON."""


def admitted(job: NewJob, *, bytes_max: int | None = None) -> NewJob:
    """Return a job that a store may accept; BadOption names the field that is wrong.

    PayloadTooLarge when the arguments are over ``bytes_max``. They must be a JSON object; whether
    they fit the task is checked by its signature.
    """
    if not isinstance(job, NewJob):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
        raise BadOption(f"{shown(job)} is not a job; build one with task.job(...)")
    texts: dict[str, Any] = {
        "id": line(job.id, "job id", NAME_MAX),
        "task": task_name(job.task),
        "queue": queue_name(job.queue),
    }
    priority(job.priority)
    attempts(job.max_attempts)
    _span(job.delay, "delay")
    if job.expires_in is not None:
        _span(job.expires_in, "expires_in")
    if job.run_at is not None:
        _whole_number(job.run_at, "run_at")
        within_years(job.run_at, job.run_at)
    if job.unique is not None:
        if type(job.unique) is not Unique:
            raise BadOption(f"unique={shown(job.unique)} is not a unique rule")
        texts["unique"] = admissible(job.unique)
    texts |= {"tags": tags(job.tags), "meta": meta(job.meta)}
    _args(job, bytes_max)
    return job if _written_so(job, texts) else msgspec.structs.replace(job, **texts)


def admit(jobs: Sequence[NewJob]) -> Sequence[NewJob]:
    """Refuse a batch that holds something other than a job, or a job that no store may accept.

    Jobs that one task has built share their options, so each option is checked once.
    """
    last: NewJob | None = None
    shared: tuple[Any, ...] = ()
    written: dict[int, NewJob] = {}
    for place, job in enumerate(jobs):
        if last is None or type(job) is not NewJob or not _alike(job, last, shared):
            last = admitted(job)
            shared = _shared(last)
            if last is not job:
                written[place] = last
    return [written.get(place, job) for place, job in enumerate(jobs)] if written else jobs


def _written_so(job: NewJob, texts: Mapping[str, Any]) -> bool:
    """Whether a job's texts are exact ones already, in the containers that a store takes."""
    if any(getattr(job, name) is not text for name, text in texts.items() if name != "meta"):
        return False
    return type(job.meta) is dict and _exact(job.meta)


def _exact(meta: dict[str, str]) -> bool:
    return all(type(name) is str and type(text) is str for name, text in meta.items())


_shared = attrgetter(
    *("tags", "task", "queue", "run_at", "delay", "priority", "expires_in", "max_attempts"),
    "unique",
)


def _alike(job: NewJob, last: NewJob, shared: tuple[Any, ...]) -> bool:
    """Whether a job shares its options with one that was admitted, and its id and args look right.

    ``shared`` are the options of ``last``; they are compared by identity, since True equals 1. Such
    arguments are not parsed again: bad ones cost only their own job, when it runs.
    """
    meta, args, job_id = job.meta, job.args, job.id
    return (
        all(map(is_, _shared(job), shared))
        and type(meta) is dict
        and meta == last.meta  # a dict for each, of equal texts
        and (not meta or _exact(meta))
        and type(args) is bytes
        and args[:1] == b"{"
        and args[-1:] == b"}"
        and type(job_id) is str
        and 0 < len(job_id) <= NAME_MAX
        and job_id.isprintable()
    )


def task_name(name: str) -> str:
    """Return a task's name, or refuse it: text of one line, 1 to 200 characters."""
    return line(name, "task name", NAME_MAX)


def priority(value: int) -> int:
    """Return a priority, or refuse it."""
    if type(value) is not int:
        raise BadOption(f"priority={shown(value)}; use a whole number")
    if not -PRIORITY_MAX <= value <= PRIORITY_MAX:
        raise BadOption(
            f"priority={shown(value)}; use -{PRIORITY_MAX} to {PRIORITY_MAX}, higher first"
        )
    return value


def tags(value: Any) -> tuple[str, ...]:
    """Return tags as a tuple, or refuse them."""
    if not is_series(value):
        raise BadOption(f"tags={shown(value)}; give a list of strings, such as [{shown(value)}]")
    found = tuple(value)
    if len(found) > TAGS_MAX:
        raise BadOption(f"tags: {len(found):,} of them; a job has at most {TAGS_MAX}")
    for tag in found:
        if not isinstance(tag, str):
            raise BadOption(f"tag {shown(tag)} must be a string")
    exact = tuple([line(tag, "tag", NAME_MAX) for tag in found])
    same = type(value) is tuple and all(map(is_, exact, found))
    return found if same else exact


def meta(value: Any) -> dict[str, str]:
    """Return meta as a dict of texts, or refuse it."""
    if not is_dict(value):
        raise BadOption(f"meta={shown(value)}; give a dict of strings")
    found: dict[str, str] = {}
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise BadOption(f"meta[{shown(name)}] must be a string, and its name as well")
        found[whole(name, "the name in meta")] = whole(text, f"meta[{shown(name)}]")
    if value and (length := len(msgspec.json.encode(found))) > META_BYTES_MAX:
        raise BadOption(f"meta takes {length:,} bytes; use at most {META_BYTES_MAX:,}")
    return found


def _whole_number(value: Any, name: str) -> None:
    if type(value) is not int:
        raise BadOption(f"{name}={shown(value)}; a job holds whole microseconds")


def _span(value: Any, name: str) -> None:
    _whole_number(value, name)
    if not 0 <= value <= SPAN_MAX:
        raise BadOption(f"{name}={shown(value)}; use 0 to a century of microseconds")


def _args(job: NewJob, bytes_max: int | None) -> None:
    if type(job.args) is not bytes:
        raise BadOption(f"args={shown(job.args)} of {job.task}; give JSON as bytes")
    try:
        found = msgspec.json.decode(job.args)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadOption(f"args of {job.task} are not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadOption(f"args of {job.task} are {shown(found)}; give an object by parameter names")
    if place := offence(found):
        raise BadOption(f"args of {job.task}: {place}")
    if bytes_max is not None and len(job.args) > bytes_max:
        raise PayloadTooLarge(
            f"args of {job.task} take {len(job.args):,} bytes, over the limit of {bytes_max:,}"
        )
