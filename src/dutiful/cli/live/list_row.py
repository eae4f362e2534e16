"""What every list of the screen has: rows, and the styles of what is good and bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from dutiful.manage.frame_records import QueueFrame
from dutiful.manage.worker_records import WorkerRecord

if TYPE_CHECKING:
    from rich.text import Text

WIDE = 100
"""From so many cells on there is room for more."""
BAD, WARN, DIM = "bold red", "yellow", "dim"


class Row(NamedTuple):
    """A line of a list, and what the keys do to it."""

    key: str
    """Identifies it in every frame."""
    draw: Callable[[int], Text]
    """Writes it in so many cells."""
    queue: QueueFrame | None = None
    worker: WorkerRecord | None = None
    job_id: str | None = None
    failed: bool = False
