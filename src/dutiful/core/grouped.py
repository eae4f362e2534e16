"""Looking into exception groups, however deep, without running a line of the errors' own code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

MEMBERS_MAX = 1_000
"""So many errors of a group are looked at; it is judged by these."""

_read_parts = cast(Any, BaseExceptionGroup).exceptions.__get__
"""Reads what a group holds past whatever a subclass has put in the place of ``exceptions``."""


def parts(error: BaseException) -> tuple[BaseException, ...]:
    """Return what a group holds itself; nothing for an error that is no group."""
    if not issubclass(type(error), BaseExceptionGroup):
        return ()
    found: tuple[BaseException, ...] = _read_parts(error)
    return found


def members(error: BaseException) -> Iterator[BaseException]:
    """Go through an error and all that it holds: groups before what is in them, in order."""
    rest, seen = [error], 0
    while rest and seen < MEMBERS_MAX:
        seen += 1
        one = rest.pop()
        yield one
        rest.extend(reversed(parts(one)[:MEMBERS_MAX]))


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors in a group and in the groups in it; one that is no group is its own leaf.

    >>> leaves(ExceptionGroup("", [ValueError(1), ExceptionGroup("", [KeyError(2)])]))
    [ValueError(1), KeyError(2)]
    """
    return [one for one in members(error) if not parts(one)]
