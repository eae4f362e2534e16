"""What a job's attempts logged, as the store keeps it: a bounded number of lines of bounded length.

The first lines and the last ones are kept. The line behind a gap says how many were left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

ATTEMPT_LINES, ATTEMPT_BYTES = 100, 32 * 1024
"""The most that one attempt leaves behind, in lines and in bytes of JSON."""
JOB_LINES, JOB_BYTES = 200, 64 * 1024
"""The most that is kept of a job, whatever the number of its attempts, releases and snoozes."""
MESSAGE_CHARACTERS = 2_000
NAME_CHARACTERS = 100
"""Of the name of a logger, and of a level."""
STORED_MAX = 2 * JOB_BYTES
"""A stored log that is longer, in bytes, is another program's, and is not read."""

LEVELS = ("debug", "info", "warning", "error", "critical")
UNREADABLE = "the lines that were stored before cannot be read"

_Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line that a task logged."""

    attempt: _Count
    at: _Whole
    """By the clock of the worker that ran the attempt."""
    level: str
    """In small letters: ``info``."""
    logger: str
    message: str
    """With the traceback below it, if there was one; without sensitive values."""
    skipped: _Count = 0
    """How many lines were left out before this one."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[LogLine]).decode


class KeptLines:
    """The first lines and the last ones of those that are added, within bounds."""

    def __init__(self, lines_max: int = ATTEMPT_LINES, bytes_max: int = ATTEMPT_BYTES) -> None:
        """Start empty; half of the bounds is for the first lines, half for the last."""
        self._lines, self._bytes = lines_max // 2, bytes_max // 2
        self._first: list[LogLine] = []
        self._first_bytes = 0
        self._last: deque[tuple[LogLine, int]] = deque()
        self._last_bytes = 0
        self._skipped = 0

    def add(self, line: LogLine) -> None:
        """Keep a line, and leave out the oldest of the last ones if there are too many."""
        size = len(_encode(line)) + 1
        room = len(self._first) < self._lines and self._first_bytes + size < self._bytes
        if room and not self._last:
            self._first.append(line)
            self._first_bytes += size
            return
        last = self._last
        last.append((line, size))
        self._last_bytes += size
        while len(last) > 1 and (len(last) > self._lines or self._last_bytes > self._bytes):
            old, size = last.popleft()
            self._last_bytes -= size
            self._skipped = min(self._skipped + 1 + old.skipped, 2**53)

    def kept(self) -> tuple[LogLine, ...]:
        """Return what is kept, oldest first."""
        last = [line for line, _ in self._last]
        if last and self._skipped:
            last[0] = replace(last[0], skipped=min(last[0].skipped + self._skipped, 2**53))
        return (*self._first, *last)


def joined(stored: Any, lines: Sequence[LogLine]) -> bytes:
    """Return what is to be stored when an attempt has logged ``lines``; never fails.

    ``stored`` is what the store had before: JSON as bytes, None, or anything else.
    """
    kept = KeptLines(JOB_LINES, JOB_BYTES)
    for line in (*read_log(stored), *lines):
        kept.add(line)
    return written(kept.kept())


def written(lines: Iterable[LogLine]) -> bytes:
    """Return lines as they are stored."""
    return _encode(list(lines))


def read_log(stored: Any) -> tuple[LogLine, ...]:
    """Read what is stored; where it cannot be read, one line says so."""
    if stored is None:
        return ()
    try:
        if isinstance(stored, bytes | str) and len(stored) <= STORED_MAX:
            return tuple(_decode(stored))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    return (LogLine(0, 0, "warning", "dutiful", UNREADABLE),)


def cut(text: str, most: int) -> str:
    """Leave out the middle of a text that is longer than ``most`` characters.

    >>> len(cut("x" * 10_000_000, 100)) < 150
    True
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n... {len(text) - most} characters left out ...\n{text[-half:]}"


def storable(text: str) -> str:
    r"""Escape what no store can hold: NUL and halves of characters.

    >>> storable("a\0b")
    'a\\x00b'
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
