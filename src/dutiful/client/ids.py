"""Ids of jobs: made by the client, so that a job that is sent twice is stored once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from time import time_ns

_IDS = 64
"""For how many ids one system call gets random bits."""
_ONES = int("0001" * _IDS, 16)
"""The last bit of 16, in a number that holds 16 bits of each id."""
_pool: list[tuple[str, str]] = []
_begun: tuple[int, str] = (-1, "")
"""The last millisecond of which an id was made, and how ids of it begin."""


def new_id() -> str:
    """Make a UUID of version 7 (RFC 9562): sorted by time to a quarter of a microsecond.

    The 12 bits after the version carry the fraction of the millisecond (its method 3), the
    rest comes from the system's source of randomness, so that forks never repeat each other.
    """
    global _begun
    millis, rest = divmod(time_ns(), 1_000_000)
    known, begin = _begun  # both in one read: another thread may be here, too
    if known != millis:
        text = f"{millis:012x}"
        begin = f"{text[:8]}-{text[8:]}-7"
        _begun = millis, begin
    while True:
        try:
            first, last = _pool.pop()
            fraction = rest * 4096 // 1_000_000
            return "%s%03x-%s-%s" % (begin, fraction, first, last)  # noqa: UP031 - quicker
        except IndexError:
            _pool.extend(_chances())


def _chances() -> Iterable[tuple[str, str]]:
    """Return the last two groups of ids: the variant and 62 random bits of the system."""
    drawn = int.from_bytes(os.urandom(2 * _IDS))
    variants = drawn & (0x3FFF * _ONES) | (0x8000 * _ONES)
    firsts = variants.to_bytes(2 * _IDS).hex(" ", 2).split()
    return zip(firsts, os.urandom(6 * _IDS).hex(" ", 6).split(), strict=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)
