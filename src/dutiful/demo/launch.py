"""Becomes the command it is given, after arranging that it dies with the demo.

``python -m dutiful.demo.launch PARENT SECONDS COMMAND...``. On Linux the kernel kills this process
when the parent has died, in whatever way. Everywhere an alarm ends it after so many seconds. Both
stay in force after the exec.
"""

from __future__ import annotations

import os
import signal
import sys

from dutiful.worker.isolation.parent_death import set_parent_death_signal


def main() -> None:
    """Arrange it, then become the command."""
    parent, seconds, *command = sys.argv[1:]
    signal.alarm(int(seconds))
    set_parent_death_signal(signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the kernel was asked
        sys.exit("the demo has gone")
    os.execv(command[0], command)  # noqa: S606 - the command comes from the demo itself


if __name__ == "__main__":
    main()
