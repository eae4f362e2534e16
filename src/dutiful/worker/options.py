"""How a worker is run."""

from __future__ import annotations

import msgspec

from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.core.queue import Served


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line or a test asks of one worker; spans are microseconds."""

    queues: tuple[Served, ...] = (Served("default"),)
    concurrency: int = 16
    """Slots: async, thread and process jobs together."""
    grace: int = 30 * SECOND
    """How long running jobs get to end after a stop is asked for."""
    burst: bool = False
    """Whether to stop when no queue has a job that is due."""
    jobs_max: int | None = None
    """Stop, to be started anew, after so many jobs."""
    rss_mb_max: int | None = None
    """Stop, to be started anew, when the process holds more memory than this."""
    lease: Lease = Lease()
    poll: float | None = None
    """Seconds after which an idle worker looks again though nobody woke it; None: the engine's."""
    heart_in_thread: bool = True
    """Whether leases are renewed from a thread of their own; a simulation says no."""
    services: bool = True
    """Whether this worker also rescues and prunes."""
