"""Has the kernel end this process when the one that started it has died."""

from __future__ import annotations

import ctypes
import sys
from signal import Signals

_PR_SET_PDEATHSIG = 1


def set_parent_death_signal(number: Signals) -> None:
    """Have this process sent a signal when its parent dies, also after exec; only Linux can do so.

    A parent that died before is not noticed: compare ``os.getppid()`` afterwards.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
