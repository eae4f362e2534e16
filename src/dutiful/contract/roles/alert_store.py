"""The role of keeping alerts, so that each change is decided and sent once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

from dutiful.core.alerting.sample import RunningJob
from dutiful.core.state import State


class AlertKind(IntEnum):
    """What an entry holds."""

    TURN = 0
    """When a process last took the turn of evaluating."""
    INCIDENT = 1
    """One alert, by its rule and subject."""
    DELIVERY = 2
    """A message to one sink, sent or to be sent."""
    SILENCE = 3
    PAST = 4
    """An alert that was resolved; ``at`` is when."""


class AlertEntry(msgspec.Struct, frozen=True):
    """A row; the engine does not read ``body``."""

    kind: AlertKind
    key: str
    version: int
    """In a write, the version that was read; 0 means that there must be no such row."""
    at: int
    """By which entries are listed and deleted; microseconds, UTC."""
    body: str = ""


def next_version(version: int) -> int:
    """Return the version after one; another program may have stored any number."""
    return version + 1 if 0 <= version < 2**62 else 1


class AlertEntries(msgspec.Struct, frozen=True):
    """Entries, and the store's time when they were read."""

    now: int
    entries: tuple[AlertEntry, ...] = ()


class AlertStore(Protocol):
    """Rows with versions, by kind and key. `core.alerting` decides what they hold."""

    async def turn(self, name: str, every: int) -> int | None:
        """Take a turn, if none was taken for ``every`` microseconds; else None.

        Returns the store's time. Of many callers at one time only one gets it. A turn that lies in
        the future, as after a step of the clock, counts as over.
        Atomicity: one write. On lost reply: the turn is taken.
        """
        ...

    async def entries(self, kinds: Sequence[AlertKind], limit: int = 10_000) -> AlertEntries:
        """Return entries of these kinds, latest ``at`` first; changes nothing."""
        ...

    async def write(self, entries: Sequence[AlertEntry], drops: Sequence[AlertEntry] = ()) -> bool:
        """Write entries and delete others; all of them, or none if another version is stored.

        False when none was. A written entry gets the `next_version`. No key comes twice.
        Atomicity: all in one. On lost reply: read them again.
        """
        ...

    async def forget(self, kind: AlertKind, before: int, limit: int = 1_000) -> int:
        """Delete entries whose ``at`` is before an instant, and return how many."""
        ...

    async def longest(self, limit: int) -> tuple[RunningJob, ...]:
        """Return the jobs that have run longest, oldest start first, without their arguments."""
        ...

    async def oldest_end(self, state: State) -> int | None:
        """Return when the job of a final state that ended first ended; None if there is none."""
        ...
