"""An app whose jobs die, and whose sink ends or stops its own process at an ordered point.

A point is ordered by a file of its name in the folder `CHAOS_ORDERS`; one process obeys it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from dutiful import Condition, Context, Discard, Sample
from dutiful.core.notification import Notification
from dutiful.observe.sinks.webhook import WebhookSink
from tests.chaos.ledger import note
from tests.chaos.tasks import app

__all__ = ["app"]

CLAIMED, SENT, STOPPED, JUDGING = "claimed", "sent", "stopped", "judging"
"""Killed before the message is sent, killed after; stopped before it is sent, or in a turn."""
DOOMED = 100
"""How many tasks there are whose jobs die."""
FIRE, ON_FIRE = "fire-", "on-fire"
_ORDERS = Path(os.environ.get("CHAOS_ORDERS", "/nonexistent"))


def _obey(point: str, number: signal.Signals) -> None:
    try:
        (_ORDERS / point).unlink()
    except FileNotFoundError:
        return
    note("struck", more=point)
    os.kill(os.getpid(), number)


class Fragile:
    """The webhook sink, with points at which its process may end."""

    name = "ops"

    def __init__(self, address: str, secret: str) -> None:
        self._inner = WebhookSink(self.name, address, secret)

    async def send(self, notification: Notification) -> None:
        # Only alerts of the drills: the workers that are killed are alerts of their own.
        ours = notification.rule in ("dead-letters", ON_FIRE) and notification.kind == "firing"
        if ours:
            note("sending", more=f"{notification.subject} {notification.id}")
            _obey(CLAIMED, signal.SIGKILL)
            _obey(STOPPED, signal.SIGSTOP)
        await self._inner.send(notification)
        if ours:
            _obey(SENT, signal.SIGKILL)


def _doom(number: int) -> None:
    @app.task(name=f"doomed_{number}")
    async def doomed(order: int, seconds: float, aim: str, ctx: Context) -> None:
        raise Discard("the card is gone")


for _number in range(DOOMED):
    _doom(_number)


@app.alerts.rule(name=ON_FIRE)
def on_fire(sample: Sample) -> Iterator[Condition]:
    """Fires that the drill has lit."""
    found = sorted(one.name for one in _ORDERS.glob(f"{FIRE}*"))
    if found:
        _obey(JUDGING, signal.SIGSTOP)
    for name in found:
        yield Condition(subject=name, value=1, title=f"{name} burns")


# The default of half a minute only makes the runs longer.
_ABOVE = os.environ.get("CHAOS_ABOVE", "10s")
app.alerts.configure(clear_after="5s", **{"store-unusable": {"above": _ABOVE}})
if _address := os.environ.get("CHAOS_WEBHOOK"):
    app.alerts.add_sink(Fragile(_address, os.environ["DUTIFUL_ALERTS_SECRET"]))
