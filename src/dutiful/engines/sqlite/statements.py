"""The SQL of this engine, read once from one file a verb."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

_FOLDER = files(__name__.rpartition(".")[0])


@cache
def sql(name: str) -> str:
    """Return the statement of ``sql/<name>.sql`` without its comments."""
    return _bare((_FOLDER / "sql" / f"{name}.sql").read_text(encoding="utf-8"))


@cache
def migrations() -> tuple[tuple[int, str, str], ...]:
    """Return number, name and text of every migration, in order."""
    found = [
        (int(entry.name[:4]), entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for entry in (_FOLDER / "migrations").iterdir()
        if entry.name.endswith(".sql")
    ]
    return tuple(sorted(found))


def _bare(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip()
