"""The standard streams of a process that was started without them."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from os import close, dup2, fstat, set_inheritable

_LAST = 2
_OPEN = open
"""The built-in function, which a task may replace, and so may it those of ``os``."""
_open_descriptor = os.open


def open_standard() -> None:
    """Open the null device where a standard descriptor is closed; call it before anything else.

    Otherwise the next open file would take its number, and prints would go there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            fstat(number)
        except OSError:
            opened = _open_descriptor(os.devnull, os.O_RDWR)
            if opened != number:
                dup2(opened, number)
                close(opened)
            set_inheritable(number, True)
        if getattr(sys, name) is None:
            stream = _OPEN(number, mode, encoding="utf-8", errors="replace", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def above_standard(line: socket.socket) -> socket.socket:
    """Return a socket whose descriptor is not a standard one.

    It has such a number where a task closed the stream that had it. The next such task would close
    it, and libuv aborts the process when it is to close one.
    """
    if line.fileno() > _LAST:
        return line
    number = fcntl.fcntl(line.fileno(), fcntl.F_DUPFD_CLOEXEC, _LAST + 1)
    line.close()
    return socket.socket(fileno=number)
