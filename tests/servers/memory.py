"""Where the files of tests lie: in memory where there is room, so that no test waits for a disk."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder that only its owner may write to is made there
_PREFIX = "dutiful-tests-"
_ROOM = 6 * 2**30
"""Bytes that must be free: a whole run leaves some 2 GB."""


def use_memory() -> None:
    """Let temporary files of this process and of its children lie in memory until it ends.

    Does nothing where `TMPDIR` names another place, as in the children, or where room is short.
    """
    if "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    _sweep()
    if shutil.disk_usage(_MEMORY).free < _ROOM:
        return
    pid = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{pid}-", dir=_MEMORY))
    folder.chmod(0o755)  # servers run as another user
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # so that it is asked for again

    def remove() -> None:
        if os.getpid() == pid:  # not in a copy
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)


def _sweep() -> None:
    """Remove what processes that were killed have left."""
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(ValueError):
            if not Path(f"/proc/{int(pid)}").exists():
                shutil.rmtree(left, ignore_errors=True)
