"""Looking into exception groups of any depth without running the errors' own code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

MEMBERS_MAX = 1_000
"""How many errors of a group are looked at; the rest is ignored."""

_read_parts = cast(Any, BaseExceptionGroup).exceptions.__get__
"""Reads the members of a group even if a subclass has redefined ``exceptions``."""


def parts(error: BaseException) -> tuple[BaseException, ...]:
    """Return the direct members of a group; nothing for an error that is not a group."""
    if not issubclass(type(error), BaseExceptionGroup):
        return ()
    found: tuple[BaseException, ...] = _read_parts(error)
    return found


def members(error: BaseException) -> Iterator[BaseException]:
    """Iterate over an error and all errors in it, each group before its members."""
    rest, seen = [error], 0
    while rest and seen < MEMBERS_MAX:
        seen += 1
        one = rest.pop()
        yield one
        rest.extend(reversed(parts(one)[:MEMBERS_MAX]))


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors of a group and of its inner groups; another error is its own leaf.

    >>> leaves(ExceptionGroup("", [ValueError(1), ExceptionGroup("", [KeyError(2)])]))
    [ValueError(1), KeyError(2)]
    """
    return [one for one in members(error) if not parts(one)]
