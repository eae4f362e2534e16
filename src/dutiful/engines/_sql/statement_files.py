"""Named statements, collected in files: a line ``-- name: claim``, comments, and the SQL.

A statement may have a second name for a variant with more lines. Each of those lines says so::

    -- name: claim, claim_behind
    ...
        AND (-priority, run_at, seq) > ($5, $6, $7)  -- only: claim_behind
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.resources.abc import Traversable

HEAD = re.compile(r"^-- *name *:(.*)$", re.MULTILINE | re.IGNORECASE)
"""The line that begins a statement."""
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_ONLY = "  -- only: "


class StatementTexts(dict[str, str]):
    """The statements of an engine by their names; an unknown name raises LookupError."""

    def __missing__(self, name: str) -> str:
        """Raise LookupError, with a similar name if there is one."""
        near = get_close_matches(name, self, 1)
        hint = f"did you mean {near[0]!r}?" if near else "add it to a file of the folder sql"
        raise LookupError(f"no statement has the name {name!r}; {hint}")


def read_statements(folder: Traversable) -> StatementTexts:
    """Return the statements of a folder's files, without comments at the start of a line.

    ValueError for a name that is empty, malformed or given twice in the folder, for a statement
    without text, for text that has no name, and for a line of a variant that does not exist.
    """
    texts = StatementTexts()
    files: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        for name, text in _statements(file.name, file.read_text(encoding="utf-8")):
            if name in texts:
                raise ValueError(f"{file.name}: {name!r} is a statement of {files[name]} already")
            texts[name], files[name] = text, file.name
    return texts


def _statements(file: str, content: str) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of a file."""
    before, *parts = HEAD.split(content)
    if _uncommented(before):
        raise ValueError(f"{file}: there is text before the first line '-- name:'")
    for head, body in zip(parts[::2], parts[1::2], strict=True):
        yield from _variants(f"{file}, '-- name:{head}'", head, _uncommented(body))


def _variants(where: str, head: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield each name of one statement with its own text."""
    names = [name.strip() for name in head.split(",")]
    if not all(_WORD.fullmatch(name) for name in names):
        raise ValueError(f"{where}: a name has small letters, digits and underscores")
    if not text:
        raise ValueError(f"{where}: there is no text")
    strange = {line.partition(_ONLY)[2] for line in text.splitlines()} - {"", *names}
    if strange:
        raise ValueError(f"{where}: there are lines only for {', '.join(sorted(strange))}")
    for name in names:
        yield name, "\n".join(_lines(text, name))


def _lines(text: str, name: str) -> Iterator[str]:
    for line in text.splitlines():
        kept, _, owner = line.partition(_ONLY)
        if owner in ("", name):
            yield kept


def _uncommented(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).strip()
