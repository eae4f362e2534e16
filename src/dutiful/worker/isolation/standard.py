"""Standard streams for a process that was started without them."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from os import close, dup2, fstat, set_inheritable

_LAST = 2
_OPEN = open
"""The built-in function; a task may replace it, and the functions of ``os`` as well."""
_open_descriptor = os.open


def open_standard() -> None:
    """Open the null device for each closed standard descriptor; call it before anything else.

    Otherwise the next file that is opened would get that number, and prints would go to it.
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
    """Return the socket, with a new descriptor if it has one of the standard numbers.

    It has one if a task closed that standard stream. The next task that does so would close the
    socket, and libuv aborts the process when it has to close a standard descriptor.
    """
    if line.fileno() > _LAST:
        return line
    number = fcntl.fcntl(line.fileno(), fcntl.F_DUPFD_CLOEXEC, _LAST + 1)
    line.close()
    return socket.socket(fileno=number)
