"""Numbers in files that processes share: when each job started, at next to no cost to the job.

Every process of workers writes a file of its own, so nothing is locked between processes and a job
that ran in two of them is seen in both. Standard library only: this runs in every environment.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from array import array
from pathlib import Path

CAPACITY = 1 << 20
"""Jobs a file has room for; unused pages take no disk."""

_WORD = struct.Struct("Q")
_SIZE = (CAPACITY + 1) * _WORD.size


class Marks:
    """One file: how many marks were made, and for each number the first instant, in nanoseconds."""

    def __init__(self, path: Path) -> None:
        """Make the file."""
        with path.open("w+b") as file:
            file.truncate(_SIZE)
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._lock = threading.Lock()
        self._count = 0

    def hit(self, number: int) -> None:
        """Note that this number happened now; a repeat keeps its first instant, and is counted."""
        now = time.monotonic_ns()
        database = (number + 1) * _WORD.size
        with self._lock:
            self._count += 1
            if _WORD.unpack_from(self._map, database)[0] == 0:
                _WORD.pack_into(self._map, database, now)
            _WORD.pack_into(self._map, 0, self._count)


_own: tuple[int, Marks] | None = None


def hit(number: int) -> None:
    """The whole body of the measured job."""
    global _own
    pid = os.getpid()
    if _own is None or _own[0] != pid:
        _own = pid, Marks(Path(os.environ["PEERS_MARKS"]) / f"{pid}-{time.monotonic_ns()}.marks")
    _own[1].hit(number)


class Tally:
    """What all processes of one stage have marked so far."""

    def __init__(self, folder: Path) -> None:
        """Read the files of this folder; more may come."""
        self._folder = folder

    def count(self) -> int:
        """Return how many jobs have started, repeats included."""
        return sum(_WORD.unpack(_head(path))[0] for path in self._folder.glob("*.marks"))

    def starts(self, jobs: int) -> tuple[list[int], int]:
        """Return each job's first start, 0 for one that never ran, and how many ran again."""
        first, count = [0] * jobs, 0
        for path in self._folder.glob("*.marks"):
            times = instants(path, jobs)
            count += _WORD.unpack(_head(path))[0]
            first = [min(a, b) if a and b else a or b for a, b in zip(first, times, strict=True)]
        return first, count - sum(1 for at in first if at)


def instants(path: Path, jobs: int) -> array[int]:
    """Return the instants of the first numbers of a file."""
    found = array("Q")
    with path.open("rb") as file:
        file.seek(_WORD.size)
        found.fromfile(file, jobs)
    return found


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_WORD.size) or bytes(_WORD.size)
