"""Text to and from the terminal, whose encoding may lack characters or be broken."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from dutiful.cli.failure import Wrong


def lenient() -> None:
    """Write characters that the terminal's encoding lacks as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def readable(words: Sequence[str]) -> None:
    """Raise Wrong when a word of the command line is not text in the terminal's encoding."""
    for word in words:
        if not _is_text(word):
            raise Wrong(
                f"the argument {word!a} is not text in the encoding {sys.getfilesystemencoding()}",
                "type it again, or set LANG=C.UTF-8",
            )


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # Python reads an undecodable byte as half a character
        return False
    return True
