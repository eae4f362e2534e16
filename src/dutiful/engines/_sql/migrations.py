"""The rules for the migrations of every store; the only I/O is reading their files.

A migration is a file ``NNNN_name.sql``. Most migrations expand the schema: the code of the
previous release goes on working. The file's name marks the others:

``NNNN_name.contract.sql``
    removes what only older releases use, so it waits until no worker of them is alive;
``NNNN_name.concurrently.sql``
    one ``CREATE`` or ``DROP INDEX CONCURRENTLY``, which may take long and blocks no other session.

The store keeps the names, so code that does not know a migration can see whether it may go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources.abc import Traversable

import msgspec

from dutiful.core.errors import SchemaMismatch


class Migration(msgspec.Struct, frozen=True):
    """One numbered change of a schema."""

    number: int
    name: str
    text: str

    @property
    def contracts(self) -> bool:
        """Whether it removes what older releases use."""
        return _contracts(self.name)

    @property
    def concurrently(self) -> bool:
        """Whether it runs outside a transaction."""
        return "concurrently" in self.name.split(".")[1:]


def read(folder: Traversable) -> tuple[Migration, ...]:
    """Return the migrations of a folder, in order."""
    found = [
        Migration(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=lambda migration: migration.number))


def lacking(
    known: Sequence[Migration], applied: Mapping[int, str], store: str
) -> tuple[Migration, ...]:
    """Return the pending migrations; SchemaMismatch when a newer release has removed too much."""
    foreign = _foreign(known, applied)
    contracted = [name for name in foreign if _contracts(name)]
    if contracted:
        raise SchemaMismatch(
            f"{store} was migrated by a newer release of Dutiful, which took away what this one "
            f"may need ({', '.join(contracted)}); upgrade dutiful here"
        )
    return tuple(migration for migration in known if migration.number not in applied)


def opening(known: Sequence[Migration], missing: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return the migrations to apply when a store is opened: the quick ones that only expand."""
    if is_new(known, missing):
        return tuple(missing)
    return tuple(one for one in missing if not one.contracts and not one.concurrently)


def due(
    known: Sequence[Migration], missing: Sequence[Migration], others: Callable[[], bool]
) -> tuple[Migration, ...]:
    """Return the migrations that `migrate` applies; ``others``: an older worker is alive."""
    waits = any(one.contracts for one in missing) and not is_new(known, missing) and others()
    return tuple(one for one in missing if not (waits and one.contracts))


def is_new(known: Sequence[Migration], missing: Sequence[Migration]) -> bool:
    """Whether there is no store yet, so that no session can be blocked and no data can be lost."""
    return len(missing) == len(known)


def names(migrations: Iterable[Migration]) -> tuple[str, ...]:
    """Return the names of migrations."""
    return tuple(migration.name for migration in migrations)


def health(known: Sequence[Migration], applied: Mapping[int, str]) -> tuple[bool, str]:
    """Return whether a schema that could be opened is up to date, and a sentence about it."""
    missing = [migration for migration in known if migration.number not in applied]
    urgent = [migration for migration in missing if not migration.contracts]
    text = f"schema {max(applied)}"
    if foreign := _foreign(known, applied):
        text += f", newer than this release by {', '.join(foreign)}"
    if urgent:
        text += f"; lacks {', '.join(names(urgent))}: run `dutiful migrate`"
    elif missing:
        text += f"; {', '.join(names(missing))} can follow when no older release runs any more"
    return not urgent, text


def _foreign(known: Sequence[Migration], applied: Mapping[int, str]) -> list[str]:
    numbers = {migration.number for migration in known}
    return [name for number, name in sorted(applied.items()) if number not in numbers]


def _contracts(name: str) -> bool:
    return "contract" in name.split(".")[1:]
