"""Who this process is, and whether another of the same host still lives."""

from __future__ import annotations

import os
import secrets
import socket
from functools import cache
from pathlib import Path

from dutiful.contract.roles.fleet import WorkerInfo

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_START_FIELD = 19
"""Of ``/proc/PID/stat`` after the command's closing parenthesis: starttime, field 22 of proc(5)."""


@cache
def host() -> str:
    """Name the host and what shares its process numbers: boot and pid namespace included."""
    try:
        boot = _BOOT_ID.read_text().strip()[:8]
        space = _PID_NAMESPACE.readlink().name.strip("pid:[]")
    except OSError:
        return ""
    return f"{socket.gethostname()}/{boot}/{space}"


def born(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None when it is gone.

    Raises OSError where there is no ``/proc``. A zombie counts as gone: it runs nothing.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[_START_FIELD])


def identity() -> tuple[str, int, int]:
    """Return this process's host, pid and birth; empty and zeros where they cannot be known."""
    name = host()
    if not name:
        return "", os.getpid(), 0
    return name, os.getpid(), born(os.getpid()) or 0


def vanished(info: WorkerInfo) -> bool:
    """Whether a worker's process is seen to be gone; False when that cannot be seen from here."""
    if not info.host or info.host != host() or not info.born:
        return False
    try:
        return born(info.pid) != info.born
    except OSError:
        return False


class Process:
    """This process as the fleet knows it; a simulation has many in one and passes its own."""

    def name(self) -> str:
        """Make the name of a new session, which no session had before."""
        return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    def identity(self) -> tuple[str, int, int]:
        """Return host, pid and birth; see `identity`."""
        return identity()

    def vanished(self, info: WorkerInfo) -> bool:
        """Whether a worker's process is seen to be gone; see `vanished`."""
        return vanished(info)


def rss_mb() -> float:
    """Return the resident memory of this process, 0 where it is not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
