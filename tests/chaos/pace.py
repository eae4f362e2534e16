"""How much longer everything takes while other programs use the processors, too."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from statistics import fmean
from types import TracebackType

_LOOK = 0.05
_STAT = Path("/proc/stat")


class Pace:
    """Looks again and again at how many processes want a processor, for the length of a block."""

    def __init__(self) -> None:
        self._wanting: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Pace:
        self._thread.start()
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

    def _look(self) -> None:
        while not self._over.wait(_LOOK):
            for line in _STAT.read_text().splitlines():
                if line.startswith("procs_running"):
                    self._wanting.append(float(line.split()[1]) - 1)  # this thread is one of them
