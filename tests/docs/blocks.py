"""Finds the code blocks and the commands that the README and the guides show."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(dutiful [^`]+)`")
_VAGUE = re.compile(r"[|…]|\.\.\.")


class Block(NamedTuple):
    """A fenced block: its language, what the fence says beside it, and its text."""

    language: str
    note: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        language, _, note = found[1].strip().partition(" ")
        yield Block(language, note, found[2], text.count("\n", 0, found.start()) + 1)


def commands(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield every ``dutiful`` command line of a page, from blocks and from running text."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        for number, line in enumerate(block.text.splitlines(), block.line + 1):
            words = line.strip().removeprefix("$ ").removeprefix("ExecStart=/srv/shop/.venv/bin/")
            if block.language in ("", "sh", "text", "ini") and words.startswith("dutiful "):
                yield number, shlex.split(words, comments=True)[1:]
    prose = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    for found in _INLINE.finditer(prose):
        if not _VAGUE.search(found[1]):
            yield prose.count("\n", 0, found.start()) + 1, shlex.split(found[1])[1:]
