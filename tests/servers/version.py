"""Where the programs of another PostgreSQL version are: ``POSTGRES=16``, or a folder of them.

15 is Debian's package; `make` unpacks the wheels that carry 16 and 17 into folders of their own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEBIAN = "/usr/lib/postgresql"
_UNPACKED = Path(__file__).parents[2] / ".venv" / "servers"


OURS = "18"
"""The version that comes with the development packages."""


def programs(wanted: str) -> Path | None:
    """Return the folder of a version's programs, None for ours, or skip what asks for it."""
    if wanted == OURS:
        return None
    if os.sep in wanted:
        return Path(wanted)
    unpacked = sorted((_UNPACKED / wanted).glob("*/pginstall/bin"))
    for folder in (*unpacked, Path(_DEBIAN, wanted, "bin")):
        if (folder / "postgres").exists():
            return folder
    pytest.skip(f"peer: no PostgreSQL {wanted} on this machine")
