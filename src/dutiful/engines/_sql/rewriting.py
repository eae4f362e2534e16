"""Decides replacements and redrives from columns that any program may have written."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from dutiful.contract.roles.controller import Redrive
from dutiful.core.redrive import counted
from dutiful.core.replacement import MARK, Work, changed, edited, marked

from .stored import REFUSALS, maybe, meta, text


class Rewritten(NamedTuple):
    """The new meta of a job whose arguments may change, and whether its steps are deleted."""

    meta: Any
    drops_steps: bool


def replaced(old: Work, kept: Any, new: Work, given: dict[str, str]) -> Rewritten:
    """Decide a replacement, as `core.replacement.replaced` does; ``given`` is the new job's meta.

    ``kept`` is the stored one.
    """
    mark, drops_steps = changed(old, new, _mark(kept))
    return Rewritten(marked(given, mark), drops_steps)


def redriven(old: Work, kept: Any, reason: Any, asked: Redrive) -> Rewritten:
    """Decide a redrive, as `core.redrive.redrive` does; a meta that cannot be read stays."""
    mark, drops_steps = edited(old, asked.args, _mark(kept), keep_steps=asked.keep_steps)
    try:
        after = marked(counted(meta(kept), maybe(text)(reason)), mark)
    except REFUSALS:
        return Rewritten(kept, drops_steps)
    return Rewritten(msgspec.json.encode(after).decode(), drops_steps)


def _mark(kept: Any) -> str | None:
    """Return the mark of changed arguments in a stored meta, if that can be read."""
    try:
        found: dict[str, str] = meta(kept)
    except REFUSALS:
        return None
    return found.get(MARK)
