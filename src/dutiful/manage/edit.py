"""Changing the stored arguments of dead letters, checked before they are sent back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import msgspec

from dutiful.client.task import Task
from dutiful.core.errors import (
    BadOption,
    BadPayload,
    PayloadTooLarge,
    UnknownTask,
    UsageError,
)
from dutiful.core.job import Job
from dutiful.core.payload import offence
from dutiful.core.redaction import secrets_of
from dutiful.core.secret_texts import Secrets
from dutiful.core.text import shown, worded


class Edit(NamedTuple):
    """One change: where, and the new value as plain JSON."""

    path: tuple[str, ...]
    value: Any


def read_edits(changes: Mapping[str, Any] | None) -> tuple[Edit, ...]:
    """Read ``{"order_id": 5, "address.city": "Rome"}``; a dot leads into a dict or a list."""
    if changes is None:
        return ()
    if not isinstance(changes, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
        raise BadOption(f'changes={shown(changes)}; give a dict, such as {{"order_id": 5}}')
    return tuple(_edit(path, value) for path, value in changes.items())


def _edit(path: object, value: object) -> Edit:
    if not isinstance(path, str) or not path:
        raise BadOption(f"changes: {shown(path)} names no argument; write its name as text")
    try:
        plain = msgspec.to_builtins(value)
    except Exception as error:  # a value's own code may raise anything
        why = worded(error)
        raise BadOption(f"changes: the new value of {path} is not plain data: {why}") from error
    return Edit(tuple(path.split(".")), plain)


class Editor:
    """Applies changes to jobs' arguments, and has the tasks' signatures check them."""

    def __init__(
        self,
        changes: Mapping[str, Any] | None,
        tasks: Mapping[str, Task[..., Any, Any]],
        bytes_max: int,
    ) -> None:
        """Take the changes; where the app knows no task, no signature is checked."""
        self._edits = read_edits(changes)
        self._tasks = tasks
        self._bytes_max = bytes_max

    def __bool__(self) -> bool:
        """Whether there is any change."""
        return bool(self._edits)

    def check(self, job: Job) -> None:
        """Raise what `edited` raises, and say that this was before the first change."""
        try:
            self.edited(job)
        except UsageError as refusal:
            refusal.add_note("no job was redriven")
            raise

    def edited(self, job: Job) -> bytes | None:
        """Return the job's new arguments, None when nothing changes.

        Raises BadPayload, PayloadTooLarge or UnknownTask, which name the job and the reason, when
        they would not fit or cannot be checked.
        """
        if not self._edits:
            return None
        args: object = None
        try:
            args = json.loads(job.args)
            for edit in self._edits:
                _put(args, edit)
            if place := offence(args):
                raise ValueError(f"the arguments cannot be stored: at {place}")
            raw = json.dumps(
                args, ensure_ascii=False, allow_nan=False, separators=(",", ":")
            ).encode()
            self._fits(job, raw)
        except (ValueError, RecursionError, BadPayload) as error:
            hidden = self._secrets(job, args)
            cause = None if hidden else error
            raise BadPayload(f"job {job.id} ({job.task}): {hidden.hide(str(error))}") from cause
        return raw

    def _secrets(self, job: Job, args: object) -> Secrets:
        known = self._tasks.get(job.task)
        marked = () if known is None else known.signature.sensitive
        try:
            raw = json.dumps(args).encode()
        except (ValueError, RecursionError):
            raw = job.args
        return secrets_of(raw, job.meta, marked)

    def _fits(self, job: Job, raw: bytes) -> None:
        if len(raw) > self._bytes_max:
            raise PayloadTooLarge(f"job {job.id}: the arguments would take {len(raw):,} bytes")
        if not self._tasks:
            return
        task = self._tasks.get(job.task)
        if task is None:
            raise UnknownTask(
                f"job {job.id}: the app has no task {job.task!r} to check the arguments by; "
                "redrive it with the app that has the task, or with one that has none"
            )
        try:
            task.signature.check(raw)
        except BadPayload as error:
            raise BadPayload(f"{error}; the task is {task.signature.describe()}") from error


def _put(args: object, edit: Edit) -> None:
    *way, last = edit.path
    place, walked = args, "arguments"
    for step in way:
        place, walked = _step(place, step, walked), f"{walked}.{step}"
    if isinstance(place, dict):
        named = cast("dict[str, object]", place)
        named[last] = edit.value
    elif isinstance(place, list):
        items = cast("list[object]", place)
        items[_index(items, last, walked)] = edit.value
    else:
        raise ValueError(f"{walked} has no parts, so {last!r} cannot be set")


def _step(place: object, step: str, walked: str) -> object:
    if isinstance(place, dict) and step in place:
        named = cast("dict[str, object]", place)
        return named[step]
    if isinstance(place, list):
        items = cast("list[object]", place)
        return items[_index(items, step, walked)]
    raise ValueError(f"{walked} has no {step!r}")


def _index(items: list[object], step: str, walked: str) -> int:
    if not step.isdigit() or int(step) >= len(items):
        raise ValueError(f"{walked} is a list of {len(items)}, and has no {step!r}")
    return int(step)
