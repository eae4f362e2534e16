"""Ids of jobs: made by the client, so that asking twice for one job stores it once."""

from __future__ import annotations

import os
import struct
from time import time_ns

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_POOL = struct.Struct("128Q")
_pool: list[int] = []


def new_id() -> str:
    """Make a UUID of version 7 (RFC 9562): sorted by time to a quarter of a microsecond.

    The 12 bits after the version carry the fraction of the millisecond (its method 3), the
    rest comes from the system's own source of chance, so that forks never repeat each other.
    """
    millis, rest = divmod(time_ns(), 1_000_000)
    number = millis << 80 | _VERSION | (rest * 4096 // 1_000_000) << 64 | _VARIANT | _chance()
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _chance() -> int:
    """Return 62 bits of chance that nobody else is given."""
    while True:
        try:
            return _pool.pop() >> 2
        except IndexError:  # one call of the system fills the pool for many ids
            _pool.extend(_POOL.unpack(os.urandom(_POOL.size)))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)
