"""The role of keeping a schema that migrations change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol


class Schema(Protocol):
    """Changes the stored tables to the form that this release uses."""

    async def migrate(self, *, dry_run: bool = False, contract: bool = False) -> tuple[str, ...]:
        """Apply the pending migrations and return their names.

        A migration that removes what older releases need is applied only when no worker of another
        release is alive, or when ``contract`` is set. Atomicity: each migration is one transaction,
        or can be run again. On lost reply: run it again.
        """
        ...

    async def script(self, *, contract: bool = False) -> str:
        """Return the SQL that `migrate` would run, for operators who run it themselves."""
        ...


def founds(wanted: Sequence[str]) -> bool:
    """Whether migrations, by their names, create a store that does not exist yet.

    >>> founds(["0001_first", "0002_shut"]), founds(["0002_shut"]), founds([])
    (True, False, False)
    """
    return any(int(name[:4]) == 1 for name in wanted)


def needed(wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the names of those migrations without which this release cannot use a store.

    >>> needed(["0004_wide", "0005_index.concurrently", "0006_slim.contract"])
    ('0004_wide',)
    """
    return tuple(name for name in wanted if "." not in name)
