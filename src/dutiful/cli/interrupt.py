"""Ctrl-C before a command has begun: the process ends immediately, with one line and no traceback.

A KeyboardInterrupt would not do while Python imports: it may be raised in a callback of the
import system, which prints it and goes on.
"""

import os
import sys

__all__ = ["begin", "hold", "leave"]

_TEXT = "error: interrupted; nothing was changed\n"
_JSON = '{"error": {"type": "Interrupted", "message": "interrupted; nothing was changed"}}\n'


def hold() -> None:
    """End the process on Ctrl-C from now on, unless the calling process handles it."""
    import signal  # which takes 10 ms: the caller sees to it that Ctrl-C may come meanwhile

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


def begin() -> None:
    """Let Ctrl-C interrupt the command from now on, so that it can leave things in order."""
    import signal

    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def leave(*_: object) -> None:
    """End the process immediately; no work has started."""
    start = "\r" if os.isatty(2) else ""  # writes over the ^C that the terminal has shown
    try:
        os.write(2, (start + (_JSON if "--json" in sys.argv else _TEXT)).encode())
    finally:
        os._exit(130)
