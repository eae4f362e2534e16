"""Sends notifications: a time limit, every failure as a NotSent, and the test of all sinks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import time
from typing import NamedTuple
from uuid import uuid4

from dutiful.core.errors import BadOption, NotSent
from dutiful.core.notification import Notification
from dutiful.core.sink_url import without_urls
from dutiful.core.text import worded

from .sink import Sink

SEND_SECONDS = 15.0
"""The time limit of one send."""


class Delivery(NamedTuple):
    """How one send ended."""

    sink: str
    failure: NotSent | None
    """None when the receiver has taken the notification."""


async def send(
    sink: Sink, notification: Notification, seconds: float = SEND_SECONDS
) -> NotSent | None:
    """Send one notification and return why that failed, None when it did not.

    It raises nothing but the cancellation of its own task. `dutiful.core.delivery.next_try` says
    when a failed one is tried again.
    """
    try:
        async with asyncio.timeout(seconds):
            await sink.send(notification)
    except NotSent as failure:
        return failure
    except TimeoutError:
        return NotSent(f"not sent within {seconds:g} s")
    except Exception as error:  # noqa: BLE001 - a sink of the user's must not stop the alerts
        return NotSent(without_urls(worded(error)))
    return None


async def send_test(
    sinks: Sequence[Sink],
    name: str | None = None,
    *,
    store: str = "",
    seconds: float = SEND_SECONDS,
) -> tuple[Delivery, ...]:
    """Send a test through all sinks at the same time, or through the one of that name.

    BadOption where there is none of that name. ``store`` is shown, so it must hold no secret.
    """
    chosen = [sink for sink in sinks if name in (None, sink.name)]
    if not chosen:
        raise BadOption(
            f"no sink is called {name!r}; there are {', '.join(sink.name for sink in sinks)}"
        )
    test = _test(store)
    failures = await asyncio.gather(*(send(sink, test, seconds) for sink in chosen))
    return tuple(
        Delivery(sink.name, failure) for sink, failure in zip(chosen, failures, strict=True)
    )


def _test(store: str) -> Notification:
    now = int(time() * 1_000_000)
    return Notification(
        id=f"test-{uuid4().hex}",
        kind="test",
        rule="test",
        subject="",
        severity="warning",
        title="Test of Dutiful's alerts",
        text="This sink works: alerts arrive here. Nothing is wrong.",
        command="dutiful check",
        since=now,
        at=now,
        store=store,
    )
