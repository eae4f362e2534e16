"""How much longer everything takes while other programs use the processors, too."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from statistics import fmean
from types import TracebackType

_LOOK = 0.05
_FIRST = 5
"""Looks before the block begins, so that a limit may be asked for at its first line."""
_STAT = Path("/proc/stat")


class Pace:
    """Looks again and again at how many processes want a processor, for the length of a block."""

    def __init__(self) -> None:
        self._wanting: list[float] = []
        self._looked = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Pace:
        self._thread.start()
        self._looked.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def factor(self) -> float:
        """By how much a limit of time is to be raised; 1 where nobody had to wait."""
        seen = fmean(self._wanting) if self._wanting else 0.0
        return max(1.0, seen / (os.cpu_count() or 1))

    def limit(self, seconds: float) -> float:
        """Return a limit for a machine at rest as it is on this one."""
        return seconds * self.factor

    @property
    def lease(self) -> float:
        """A lease in seconds that healthy workers keep; 2 at rest, never longer than a user's."""
        return min(round(self.limit(2), 1), 10.0)

    def _look(self) -> None:
        try:
            while not self._over.wait(_LOOK):
                for line in _STAT.read_text().splitlines():
                    if line.startswith("procs_running"):
                        # This thread is one of them.
                        self._wanting.append(float(line.split()[1]) - 1)
                if len(self._wanting) >= _FIRST:
                    self._looked.set()
        finally:
            self._looked.set()
