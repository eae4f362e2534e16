"""Workers that live and do no work, and how soon another worker says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import tasks
from tests.chaos.kills import feed
from tests.chaos.processes import Member, Processes, processes
from tests.chaos.proxy import Proxy
from tests.until import wait_until

_AFTER = 3.0
"""Seconds for which it is watched whether anything is said again."""
_ORDER = 1


@dataclass
class Seen:
    """What a worker said about another that does no work."""

    seconds: float
    """Until it said so."""
    times: int
    """How often it said so."""
    said: str
    code: int | None
    """With which the other ended, if it did."""

    def table(self) -> dict[str, str]:
        return {
            "seen after": f"{self.seconds:.1f} s",
            "told": f"{self.times} times",
            "ended with": "it lives" if self.code is None else f"exit code {self.code}",
        }


def stopped(folder: Path, url: str = "") -> Seen:
    """Stop a worker with SIGSTOP."""
    with processes(folder, "-c", "4", url=url) as made:
        victim, watcher = _pair(made)
        made.freeze(victim)
        seen = _watch(watcher, " is lost: ", victim)
        made.thaw(victim)
        wait_until(lambda: victim.output().count(" serves ") == 2, 60, "it joins again")
        return seen


def blocked(folder: Path, url: str = "", *, hung_after: float = 6.0) -> Seen:
    """Block a worker's loop with a job; only the victim serves the job's queue at that time."""
    env = {"DUTIFUL_HUNG_AFTER": f"{hung_after}s"}
    with processes(folder, "-c", "4", url=url, env=env) as made:
        victim, watcher = _pair(made, "-Q", "other")
        feed(made, [tasks.block.job(_ORDER, 600.0)])
        wait_until(lambda: " start " in made.ledger.read_text(), 60, "the job blocks the loop")
        seen = _watch(watcher, " is hung and ends if it can: ", victim)
        seen.code = wait_until(lambda: victim.code, 60, "the worker that hangs ends")
        return seen


def black_holed(folder: Path, url: str, port: int) -> Seen:
    """Swallow all that passes between a worker and its server, and leave the connections open."""
    with Proxy(port) as proxy, processes(folder, "-c", "4", url=url) as made:
        through = url.replace(f":{port}", f":{proxy.port}")
        victim, watcher = _pair(made, before=lambda: made.point(through), after=made.point)
        proxy.stall()
        seen = _watch(watcher, " is lost: ", victim)
        proxy.cut()
        wait_until(lambda: victim.output().count(" serves ") == 2, 60, "it joins again")
        seen.code = victim.code
        return seen


def _pair(
    made: Processes,
    *options: str,
    before: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> tuple[Member, Member]:
    """Start a worker, then another with ``options`` that is to watch it."""
    before()
    made.start()
    made.ready()
    after()
    made.start(1, *options)
    made.ready()
    return made.workers[0], made.workers[1]


def _watch(watcher: Member, what: str, victim: Member) -> Seen:
    """Wait until the watcher's log names the victim's process in such a line."""
    begun, name = time.monotonic(), f"-{victim.process.pid}-"

    def lines() -> list[str]:
        return [one for one in watcher.output().splitlines() if what in one and name in one]

    said = wait_until(lines, 60, f"somebody says that it{what}")[0]
    seconds = time.monotonic() - begun
    time.sleep(_AFTER)
    return Seen(seconds, len(lines()), said, None)
