"""asyncio's loop with a clock and threads that tasks cannot replace."""

from __future__ import annotations

import asyncio
from functools import partial
from socket import getaddrinfo
from time import monotonic
from typing import Any

from dutiful.contract.daemon_threads import THREADS


class SteadyLoop(asyncio.SelectorEventLoop):
    """Keeps the clock of its timers even if a task replaces ``time.monotonic``.

    It looks up hosts in Dutiful's own threads, so that the worker can reach its store when jobs
    have occupied all default threads of the loop.
    """

    def time(self) -> float:
        """Return the loop's time in seconds."""
        return monotonic()

    async def getaddrinfo(self, host: Any, port: Any, **given: int) -> Any:
        """Look up a host."""
        return await self.run_in_executor(THREADS, partial(getaddrinfo, host, port, **given))
