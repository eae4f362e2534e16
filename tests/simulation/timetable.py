"""The schedules that simulated workers declare, in two editions, and when they must fire."""

from __future__ import annotations

from dutiful.client.host import Host
from dutiful.client.schedules import Schedules
from dutiful.core.rule import Cron, Interval

from . import tasks as t

OLD_BEAT, BEAT, ALONE, QUEUED = 1_100_000, 900_000, 2_500_000, 3_000_000
PERIODS = {
    "beat": {OLD_BEAT, BEAT},
    "second": {5_000_000},
    "alone": {ALONE},
    "queued": {QUEUED},
    "gone": {2_000_000},
}
EXCLUSIVE = frozenset({"alone", "queued"})


def declared(host: Host, *, older: bool) -> Schedules:
    """Declare what a process of one version or the other declares."""
    found = Schedules(host)
    quick, slow = t.quick, t.slow
    found.declare(Interval(OLD_BEAT if older else BEAT), {"name": "beat", "args": (0.05,)})(quick)
    found.declare(Interval(ALONE), {"name": "alone", "args": (1.0,), "overlap": "skip"})(slow)
    if older:
        found.declare(Interval(2_000_000), {"name": "gone", "args": (0.02,)})(quick)
        return found
    found.declare(Cron("*/5 * * * * *"), {"name": "second", "args": (0.01,), "misfire": "all"})(
        quick
    )
    given = {"name": "queued", "args": (1.6,), "overlap": "queue-one"}
    found.declare(Interval(QUEUED), given)(slow)  # type: ignore[arg-type]  # a dict by name
    return found


def due(name: str, after: int, until: int, period: int) -> list[int]:
    """Walk a schedule's instants one by one, apart from the product's own arithmetic."""
    at = after - after % period
    found = []
    while at <= until:
        if at > after:
            found.append(at)
        at += period
    return found
