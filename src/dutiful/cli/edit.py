"""Changing stored arguments by ``--set key=json``, checked before they are sent back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from dutiful.cli.failure import Wrong
from dutiful.core.errors import BadPayload, PayloadTooLarge, UnknownTask
from dutiful.core.payload import PAYLOAD_BYTES_MAX, offence
from dutiful.core.text import shown

if TYPE_CHECKING:
    from dutiful.cli.target import Opened
    from dutiful.core.job import Job


class Edit(NamedTuple):
    """One change: where, and the new value."""

    path: tuple[str, ...]
    value: Any


def read_edits(texts: Sequence[str]) -> tuple[Edit, ...]:
    """Read ``order_id=5`` and ``address.city="Rome"``."""
    return tuple(_read(text) for text in texts)


def _read(text: str) -> Edit:
    key, equals, raw = text.partition("=")
    if not (key and equals):
        raise Wrong(f"--set {text!r} is not a change", "write --set KEY=JSON, such as order_id=5")
    try:
        value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(
            f"--set {key}: {shown(raw)} is not JSON: {error}",
            f"a text needs its own quotes: --set '{key}=\"{raw}\"'",
        ) from None
    return Edit(tuple(key.split(".")), value)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


class Editor:
    """Applies changes to jobs' arguments, and has the task's signature check them."""

    def __init__(self, edits: Sequence[Edit], opened: Opened) -> None:
        """Take the changes; the app's signatures are known when the user's own app was named."""
        self._edits = edits
        self._tasks = opened.app.tasks if opened.named else None

    def edited(self, job: Job) -> bytes | None:
        """Return the job's new arguments, None when nothing changes.

        Raises BadPayload, naming the job and the reason, when they would not fit.
        """
        if not self._edits:
            return None
        try:
            args = json.loads(job.args)
            for edit in self._edits:
                _put(args, edit)
            if place := offence(args):
                raise ValueError(f"the arguments cannot be stored: at {place}")
            raw = json.dumps(
                args, ensure_ascii=False, allow_nan=False, separators=(",", ":")
            ).encode()
            self._check(job, raw)
        except (ValueError, RecursionError, BadPayload) as error:
            refusal = BadPayload(f"job {job.id} ({job.task}): {error}")
            refusal.add_note("no job was sent back")
            raise refusal from error
        return raw

    def _check(self, job: Job, raw: bytes) -> None:
        if len(raw) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLarge(f"job {job.id}: the arguments would take {len(raw):,} bytes")
        if self._tasks is None:
            return
        task = self._tasks.get(job.task)
        if task is None:
            raise UnknownTask(f"the app has no task {job.task!r} to check the arguments by")
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
