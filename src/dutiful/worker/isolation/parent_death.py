"""Asks the kernel to signal this process when its parent process dies."""

from __future__ import annotations

import ctypes
import sys
from signal import Signals

_PR_SET_PDEATHSIG = 1


def set_parent_death_signal(number: Signals) -> None:
    """Have the kernel send this process a signal when its parent dies, also after exec; Linux only.

    The death of a parent before this call is not noticed: compare ``os.getppid()`` afterwards.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
