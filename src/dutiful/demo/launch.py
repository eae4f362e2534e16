"""Becomes the command it is given, after arranging that it dies with the demo.

``python launch.py PARENT SECONDS COMMAND...``. Where the kernel can (Linux) it
kills this process when the parent is gone, however that died. Everywhere an alarm bounds its life;
both survive the exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Arrange it, then become the command."""
    parent, seconds, *command = sys.argv[1:]
    signal.alarm(int(seconds))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the kernel was asked
        sys.exit("the demo has gone")
    os.execv(command[0], command)  # noqa: S606 - the command comes from the demo itself


if __name__ == "__main__":
    main()
