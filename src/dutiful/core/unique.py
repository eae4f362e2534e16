"""Unique rules: which key a job holds, for how long, and what a second job of that key meets."""

from __future__ import annotations

from typing import Literal

import msgspec

from .errors import BadOption, DuplicateJob
from .instant import SPAN_MAX
from .state import LIVE, State, mask
from .text import shown, whole

KEY_BYTES_MAX = 2_000
"""The longest that the index of every store can hold, with the number of a period appended."""

Conflict = Literal["existing", "replace", "raise"]
_SEPARATOR = "\x1f"
_CONFLICTS = ("existing", "replace", "raise")


class Unique(msgspec.Struct, frozen=True):
    """A rule against a second job of the same key.

    The key is held while the job's state is in ``states``. With ``period`` (microseconds) the key
    also carries the number of the period since the epoch, so a new period admits a new job.
    """

    key: str
    states: int = mask(LIVE)
    period: int | None = None
    on_conflict: Conflict = "existing"


def unique(
    key: str,
    *,
    period: int | None = None,
    states: tuple[State, ...] | None = None,
    on_conflict: Conflict = "existing",
) -> Unique:
    """Check a rule's parts and join them; with a period, a job that succeeded holds its key too."""
    key = unique_key(key)
    if on_conflict not in _CONFLICTS:
        raise BadOption(f"on_conflict={shown(on_conflict)}; choose one of {', '.join(_CONFLICTS)}")
    if period is not None:
        _period(period)
    if states is None:
        states = LIVE if period is None else (*LIVE, State.SUCCEEDED)
    missing = [state.word for state in LIVE if state not in states]
    if missing:
        # A retry would have to take the key back from the job that got it meanwhile.
        raise BadOption(f"unique states must hold every live state; add {', '.join(missing)}")
    return Unique(key=key, states=mask(states), period=period, on_conflict=on_conflict)


def unique_key(key: object) -> str:
    """Return a key, or refuse one that is empty, too long, or that a store cannot hold."""
    if not isinstance(key, str) or not key:
        raise BadOption(
            f'unique needs a key that is not empty, such as "order:42", not {shown(key)}'
        )
    key = whole(key, "unique key")
    if _SEPARATOR in key:
        raise BadOption(f"unique key {shown(key)} holds {_SEPARATOR!r}, which separates periods")
    if (length := len(key.encode())) > KEY_BYTES_MAX:
        raise BadOption(
            f"unique key {shown(key)} takes {length:,} bytes; use at most {KEY_BYTES_MAX:,}, "
            "or a digest of it"
        )
    return key


def _period(period: int) -> None:
    if type(period) is not int or period <= 0:
        raise BadOption("unique period must be longer than zero")
    if period > SPAN_MAX:
        raise BadOption("unique period is longer than a century, the longest span there is")


def admissible(rule: Unique) -> Unique:
    """Return a rule that may be stored, or raise BadOption; one may be built without `unique`."""
    key = unique_key(rule.key)
    if rule.period is not None:
        _period(rule.period)
    if rule.on_conflict not in _CONFLICTS:
        raise BadOption(f"on_conflict={shown(rule.on_conflict)} is not known")
    known = mask(tuple(State))
    if type(rule.states) is not int or rule.states & ~known or mask(LIVE) & ~rule.states:
        raise BadOption("unique states must hold every live state, and states alone")
    return rule if key is rule.key else msgspec.structs.replace(rule, key=key)


def hold(rule: Unique, now: int) -> str:
    """Return the key as stored: with the number of the period, when there is one."""
    if rule.period is None:
        return rule.key
    # No key may hold this separator, so no key can equal another one with a period.
    return f"{rule.key}{_SEPARATOR}{rule.period}:{now // rule.period}"


def replaces(rule: Unique, holder: str) -> bool:
    """Whether a second job of a key replaces the work of ``holder``, if that may be replaced.

    DuplicateJob where the rule says ``raise``. ``holder`` is the id of the job that has the key.
    """
    if rule.on_conflict == "raise":
        raise DuplicateJob(rule.key, holder)
    return rule.on_conflict == "replace"


def holds(states: int, state: State) -> bool:
    """Whether a job in ``state`` keeps others of its key out."""
    return bool(states >> state & 1)
