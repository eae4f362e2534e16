"""asyncio's loop with a clock and threads that tasks cannot replace."""

from __future__ import annotations

import asyncio
from functools import partial
from socket import getaddrinfo
from time import monotonic
from typing import Any

from dutiful.contract.daemon_threads import THREADS


class SteadyLoop(asyncio.SelectorEventLoop):
    """Keeps the clock of its timers, whatever a task puts in the place of ``time.monotonic``.

    It looks up hosts in threads of ours, so that the worker reaches its store also when jobs have
    taken all of the default ones.
    """

    def time(self) -> float:
        """Return the loop's time in seconds."""
        return monotonic()

    async def getaddrinfo(self, host: Any, port: Any, **given: int) -> Any:
        """Look up a host."""
        return await self.run_in_executor(THREADS, partial(getaddrinfo, host, port, **given))
