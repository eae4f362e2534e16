"""Ctrl-C before a command has begun: the process ends at once, with one line and no traceback.

A KeyboardInterrupt would not do while Python imports: it may be raised in a callback of the
import system, which prints it and goes on.
"""

import os
import signal
import sys

__all__ = ["begin", "hold"]

_TEXT = "error: interrupted; nothing was changed\n"
_JSON = '{"error": {"type": "Interrupted", "message": "interrupted; nothing was changed"}}\n'


def hold() -> None:
    """End the process on Ctrl-C from now on, unless the caller's process sees to it otherwise."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def begin() -> None:
    """Let Ctrl-C interrupt the command from now on, so that it can leave things in order."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: object) -> None:
    start = "\r" if os.isatty(2) else ""  # writes over the ^C that the terminal has shown
    try:
        os.write(2, (start + (_JSON if "--json" in sys.argv else _TEXT)).encode())
    finally:
        os._exit(130)
