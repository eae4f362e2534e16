"""Which parts of a job are secret, and how they are hidden in what people read.

The fields that a task marks as sensitive are named in the job's meta, so that every reader can hide
them, also one without the task's code. What a worker runs is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from .secret_texts import HIDDEN, NO_SECRETS, SECRETS_MAX, Secrets, named, rebuilt, secrets

MARKS = "dutiful.sensitive"
"""The entry of a job's meta that names its sensitive fields: a JSON list of paths."""
EACH = "*"
"""The step of a path that stands for every item of a list and every value of an object."""
RESULT = "return"
"""The first step of a path into the result; no parameter can have this name."""
Path = tuple[str, ...]
"""Names of fields from the arguments on; ``EACH`` stands for all items."""
_EVERYTHING: tuple[Path, ...] = ((),)


def marks(paths: Iterable[Path]) -> dict[str, str]:
    """Return what a job's meta has to say of its sensitive fields; nothing where it has none.

    >>> marks([("card",), ("customer", "emails", "*")])
    {'dutiful.sensitive': '[["card"],["customer","emails","*"]]'}
    """
    found = sorted(set(paths))
    return {MARKS: msgspec.json.encode(found).decode()} if found else {}


def paths_of(meta: Mapping[str, str]) -> tuple[Path, ...]:
    """Read the marks of a job; marks that cannot be read make all of its fields sensitive."""
    text = meta.get(MARKS)
    if text is None:
        return ()
    try:
        return tuple(msgspec.json.decode(text, type=list[Path]))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _EVERYTHING


def of_args(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the paths that lead into the arguments."""
    return tuple(path for path in paths if path[:1] != (RESULT,))


def of_result(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the paths that lead into the result, from the result on."""
    return tuple(path[1:] for path in paths if path[:1] in ((RESULT,), ()))


def masked(value: Any, paths: Sequence[Path]) -> Any:
    """Return plain JSON with ``***`` in the place of each sensitive field.

    >>> masked({"card": "4242", "items": [{"pin": 1, "n": 2}]}, [("card",), ("items", "*", "pin")])
    {'card': '***', 'items': [{'pin': '***', 'n': 2}]}
    """
    if not paths or value is None:
        return value
    if () in paths:
        return HIDDEN
    return rebuilt(value, lambda name, part: masked(part, _inside(paths, name)))


def masked_args(args: Any, paths: Sequence[Path]) -> Any:
    """Do what `masked` does for arguments; those that are no object are hidden completely."""
    return HIDDEN if paths and not isinstance(args, dict) else masked(args, paths)


def secrets_of(
    args: bytes,
    meta: Mapping[str, str],
    paths: Sequence[Path] = (),
    *,
    result: bytes | None = None,
    also: Iterable[str] = (),
) -> Secrets:
    """Return the sensitive values of a job, by its marks and by more paths, and others ``also``."""
    known = {*paths_of(meta), *paths}
    found: list[str] = []
    if known:
        found += _leaves_of(args, of_args(known))
        if result is not None:
            found += _leaves_of(result, of_result(known))
    if len(found) > SECRETS_MAX:
        return Secrets((), many=True)
    found += also
    return secrets(dict.fromkeys(found)) if found else NO_SECRETS


def _leaves_of(raw: bytes, paths: Sequence[Path]) -> list[str]:
    if not paths:
        return []
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return [raw.decode("utf-8", "backslashreplace")]
    found: list[str] = []
    _gather(value, paths, found)
    return found


def _gather(value: Any, paths: Sequence[Path], found: list[str]) -> None:
    """Add the texts and numbers at the ends of paths, one more than may be searched for at most."""
    if not paths or len(found) > SECRETS_MAX:
        return
    if isinstance(value, dict | list):
        items = cast("dict[str, Any] | list[Any]", value)
        whole = () in paths
        for name, part in named(items):
            _gather(part, _EVERYTHING if whole else _inside(paths, name), found)
    elif () in paths and isinstance(value, str | int | float) and not isinstance(value, bool):
        found.append(str(value))


def _inside(paths: Sequence[Path], name: str) -> tuple[Path, ...]:
    """Return the paths that lead into a field, from that field on."""
    return tuple(path[1:] for path in paths if path and path[0] in (name, EACH))
