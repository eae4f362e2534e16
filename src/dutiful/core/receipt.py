"""What became of one job that was to be stored."""

from __future__ import annotations

import msgspec


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of one enqueue."""

    id: str
    """The new job's id, or that of the job that holds the unique key."""
    created: bool = True
    replaced: bool = False
    """Whether the existing job was given the arguments and times of the new one."""
