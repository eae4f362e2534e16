"""The SQL of this engine, read once from one file a verb."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from dutiful.contract.migrations import Migration, read

_FOLDER = files(__name__.rpartition(".")[0])


@cache
def sql(name: str) -> str:
    """Return the statement of ``sql/<name>.sql`` without its comments."""
    return _bare((_FOLDER / "sql" / f"{name}.sql").read_text(encoding="utf-8"))


@cache
def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this release, in order."""
    return read(_FOLDER / "migrations")


def _bare(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip()
