"""Which jobs a call means: by ids, by filters, or explicitly all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, cast

from dutiful.client.options import checked_flag, known, state_named
from dutiful.contract.page import Filter
from dutiful.core.errors import BadOption
from dutiful.core.instant import instant
from dutiful.core.state import State
from dutiful.core.text import shown, whole

from .records import JobState

Ids = str | Iterable[str] | None


class DeadFilters(TypedDict, total=False):
    """Which dead letters; every filter that is given must hold, and None is no filter."""

    queue: str | Sequence[str] | None
    """In this queue, or in one of these."""
    task: str | Sequence[str] | None
    """Of this task, or of one of these."""
    tag: str | None
    """With this tag."""
    reason: str | None
    """Why it died, or was cancelled or parked, such as ``attempts-spent``."""
    error_type: str | None
    """The type of its latest error, such as ``TimeoutError``."""
    enqueued_after: datetime | None
    """Enqueued at that time or later."""
    enqueued_before: datetime | None
    """Enqueued before that time."""
    finished_after: datetime | None
    """Ended at that time or later; jobs that have not ended do not match."""
    finished_before: datetime | None
    """Ended before that time."""
    unreadable: bool | None
    """True for jobs whose rows cannot be read."""


class JobFilters(DeadFilters, total=False):
    """Which jobs; every filter that is given must hold, and None is no filter."""

    state: JobState | Sequence[JobState] | None
    """In this state, or in one of these."""
    worker: str | None
    """Running on this worker."""


def filter_of(given: Mapping[str, Any], states: tuple[State, ...] = ()) -> Filter:
    """Build the filter; BadOption names the one that cannot be used.

    ``states`` are those that the call is about, where none is given.
    """
    known(given, _READERS, "the filter")
    chosen: dict[str, Any] = {"states": states}
    for name, value in given.items():
        if value is None or (name == "unreadable" and value is False):
            continue
        field, read = _READERS[name]
        try:
            chosen[field] = read(value)
        except BadOption as error:
            raise BadOption(f"{name}: {error}") from None
    return Filter(**chosen)


def is_narrow(given: Mapping[str, Any]) -> bool:
    """Whether any filter restricts the choice."""
    return filter_of(given) != Filter()


def id_list(ids: Ids) -> list[str] | None:
    """Return the ids, each once; None where none were given."""
    if ids is None:
        return None
    try:
        found = [ids] if isinstance(ids, str) else list(ids)
    except TypeError:
        raise BadOption(f"ids={shown(ids)}; give an id, or a list of ids") from None
    return list(dict.fromkeys(whole(job_id, "job id") for job_id in found))


def choose_one_way(ids: Ids, given: Mapping[str, Any], *, everything: object, call: str) -> None:
    """Raise BadOption unless ids, filters or ``all=True`` say which jobs are meant, and one only.

    A call without any would mean all jobs, which is rarely what its writer had in mind.
    """
    ways = (ids is not None) + is_narrow(given) + checked_flag(everything, "all")
    if ways == 0:
        raise BadOption(
            f"{call}() names no jobs; give ids, or a filter such as queue='reports', "
            "or all=True if you mean all of them"
        )
    if ways > 1:
        raise BadOption(f"{call}() takes ids, filters or all=True, and only one of the three")


def texts(value: object) -> tuple[str, ...]:
    """Return one text or several as a tuple; BadOption for none and for anything else."""
    return tuple(whole(text, "name") for text in _several(value))


def _states(value: object) -> tuple[State, ...]:
    return tuple(state_named(cast(str, word)) for word in _several(value))


def _several(value: object) -> Sequence[object]:
    """Return one or several; none at all is refused, as it would not restrict anything."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple | set | frozenset):
        raise BadOption(f"{shown(value)}; give a text or a list of texts")
    found = tuple(cast("Iterable[object]", value))
    if not found:
        raise BadOption(f"{shown(found)} names none; leave the filter out, or give one or more")
    return found


def _text(value: object) -> str:
    return whole(value, "the filter")


def _flag(value: object) -> bool:
    if value is not True:
        raise BadOption(f"{shown(value)}; give True or leave it out")
    return True


_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "queue": ("queues", texts),
    "task": ("tasks", texts),
    "state": ("states", _states),
    "tag": ("tag", _text),
    "reason": ("reason", _text),
    "error_type": ("error_type", _text),
    "worker": ("worker", _text),
    "enqueued_after": ("enqueued_after", instant),
    "enqueued_before": ("enqueued_before", instant),
    "finished_after": ("finished_after", instant),
    "finished_before": ("finished_before", instant),
    "unreadable": ("unreadable", _flag),
}
