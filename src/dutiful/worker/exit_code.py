"""What the exit code of a process says about its end."""

from __future__ import annotations

import signal


def ending(code: int) -> str:
    """Say how a process ended: a task may have sent it a signal that has no name, such as 40."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
