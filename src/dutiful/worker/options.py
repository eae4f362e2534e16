"""How a worker is run."""

from __future__ import annotations

import msgspec

from dutiful.core.errors import BadOption
from dutiful.core.instant import SECOND, SPAN_MAX, seconds
from dutiful.core.lease import Lease
from dutiful.core.queue import Served
from dutiful.core.text import shown


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one worker, from the command line or a test; durations are microseconds."""

    queues: tuple[Served, ...] = (Served("default"),)
    concurrency: int = 16
    """Slots: async, thread and process jobs together."""
    grace: int = 25 * SECOND
    """How long running jobs may go on after a stop is requested, with the time to clean up."""
    burst: bool = False
    """Whether to stop when no queue has a due job."""
    jobs_max: int | None = None
    """Stop after this many jobs, to be started again."""
    rss_mb_max: int | None = None
    """Stop when the process holds more memory than this, to be started again."""
    lease: Lease = Lease()
    hung_after: int | None = 60 * SECOND
    """After this time without an answer of its loop a worker is hung; None means never."""
    poll: float | None = None
    """Seconds after which an idle worker polls without a wake-up; None means the engine's value."""
    heartbeat_in_thread: bool = True
    """Whether a separate thread renews the leases; a simulation sets it to false."""
    services: bool = True
    """Whether this worker also rescues and prunes."""

    def __post_init__(self) -> None:
        """Refuse numbers that no worker can be run with."""
        for name, least, most in _NUMBERS:
            value: object = getattr(self, name)
            if value is None and name in ("jobs_max", "rss_mb_max"):
                continue
            if type(value) is not int or not least <= value <= most:
                raise BadOption(f"{name}={shown(value)}; use a whole number, {least} to {most:,}")
        if self.poll is not None and seconds(self.poll) <= 0:
            raise BadOption(f"poll={shown(self.poll)}; use more than 0 seconds")
        if not self.queues:
            raise BadOption("a worker needs a queue to serve, such as -Q default")


_NUMBERS = (
    ("concurrency", 1, 10_000),
    ("grace", 0, SPAN_MAX),
    ("jobs_max", 1, 2**53),
    ("rss_mb_max", 1, 2**31),
)
