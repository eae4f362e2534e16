"""``python -m tests.chaos.skewed SECONDS worker APP ...``: the command, on a clock that is off."""

from __future__ import annotations

import sys
import time
from unittest.mock import patch

from dutiful.cli.main import main


def skew(seconds: int) -> None:
    """Set every wall clock that Python code reads in this process; nobody can set the ticks."""
    wall, nanoseconds = time.time, time.time_ns
    patch.object(time, "time", lambda: wall() + seconds).start()
    patch.object(time, "time_ns", lambda: nanoseconds() + seconds * 10**9).start()


if __name__ == "__main__":
    skew(int(sys.argv.pop(1)))
    main()
