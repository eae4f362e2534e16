"""A few numbers in a file that processes share, so that counting costs a job next to nothing."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_HEAD = struct.Struct("QQQ")
_DELAY = struct.Struct("Q")
_SIZE = 1 << 16
PICKUPS_MAX = (_SIZE - _HEAD.size) // _DELAY.size


class Marks:
    """How many jobs have run, when the first and the last started, and pickup delays.

    Times are nanoseconds of the host's monotonic clock. One process writes, any may read.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)

    def reset(self) -> None:
        """Begin at zero."""
        self._map[:] = bytes(_SIZE)

    def hit(self, count: int, at: int) -> None:
        """Note that job number ``count`` started now."""
        first = at if count == 1 else _HEAD.unpack_from(self._map)[1]
        _HEAD.pack_into(self._map, 0, count, first, at)

    def delay(self, count: int, nanos: int) -> None:
        """Note how long job number ``count`` waited to be picked up."""
        place = _HEAD.size + (count - 1) % PICKUPS_MAX * _DELAY.size
        _DELAY.pack_into(self._map, place, nanos)

    def read(self) -> tuple[int, int, int]:
        """Return the count and the first and the last start."""
        count, first, last = _HEAD.unpack_from(self._map)
        return count, first, last

    def delays(self, count: int) -> list[float]:
        """Return the first ``count`` pickup delays in milliseconds, sorted."""
        raw = [
            _DELAY.unpack_from(self._map, _HEAD.size + number * _DELAY.size)[0]
            for number in range(min(count, PICKUPS_MAX))
        ]
        return sorted(nanos / 1e6 for nanos in raw)

    def close(self) -> None:
        """Give the file back."""
        self._map.close()
