"""Unique rules: which key a job holds, for how long, and what a second job of that key meets."""

from __future__ import annotations

from typing import Literal

import msgspec

from .errors import BadOption
from .state import LIVE, State, mask
from .text import whole

Conflict = Literal["existing", "replace", "raise"]
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
    if not key:
        raise BadOption('unique needs a key that is not empty, such as "order:42"')
    whole(key, "unique key")
    if on_conflict not in _CONFLICTS:
        raise BadOption(f"on_conflict={on_conflict!r}; choose one of {', '.join(_CONFLICTS)}")
    if period is not None and period <= 0:
        raise BadOption("unique period must be longer than zero")
    if states is None:
        states = LIVE if period is None else (*LIVE, State.SUCCEEDED)
    missing = [state.word for state in LIVE if state not in states]
    if missing:
        # A retry would have to take the key back from the job that got it meanwhile.
        raise BadOption(f"unique states must hold every live state; add {', '.join(missing)}")
    return Unique(key=key, states=mask(states), period=period, on_conflict=on_conflict)


def hold(rule: Unique, now: int) -> str:
    """Return the key as stored: with the number of the period, when there is one."""
    if rule.period is None:
        return rule.key
    # No key that a person writes has this separator, so none meets another's period.
    return f"{rule.key}\x1f{rule.period}:{now // rule.period}"


def holds(states: int, state: State) -> bool:
    """Whether a job in ``state`` keeps others of its key out."""
    return bool(states >> state & 1)
