"""The role of keeping a schema that migrations change."""

from __future__ import annotations

from typing import Protocol


class Schema(Protocol):
    """Bringing what is stored into the form that this release uses."""

    async def migrate(self, *, dry_run: bool = False, contract: bool = False) -> tuple[str, ...]:
        """Apply what is missing of the schema and return the names of those migrations.

        What older releases still need is removed only when no worker of another release is
        alive, or when ``contract`` says so. Atomicity: each migration is one transaction, or can
        be run again. On lost reply: run it again.
        """
        ...

    async def script(self, *, contract: bool = False) -> str:
        """Return the SQL that `migrate` would run, for people who run it themselves."""
        ...
