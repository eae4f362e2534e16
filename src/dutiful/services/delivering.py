"""Sends what is to be sent about alerts, each to its sink; any number of processes may."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Protocol

from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind, next_version
from dutiful.core.alert_event import AlertNotSent
from dutiful.core.alerting.incident import Delivery, read, written
from dutiful.core.alerting.sending import CLAIM, claimed, due, failed, sent
from dutiful.core.errors import EngineError, NotSent
from dutiful.core.instant import SECOND
from dutiful.core.notification import Notification
from dutiful.core.retry import Random
from dutiful.core.secret_texts import NO_SECRETS, Secrets
from dutiful.core.text import worded

_SEND_SECONDS = CLAIM / SECOND * 0.8
"""How long a sink may take: less than the claim, so that no other process sends meanwhile."""
_AT_A_TIME = 20
_RECORD_TRIES = 3
_ERROR_MAX = 300
_ADDRESS = re.compile(r"(\w+://)[^\s'\"]+")
"""The address of a sink may be a secret, and errors repeat it."""


class Sends(Protocol):
    """What is needed of a sink; it raises where a message did not arrive."""

    async def send(self, notification: Notification) -> None:
        """Send one message."""
        ...


class Courier:
    """Claims deliveries in the store, sends them, and records what became of each.

    A claim lasts five seconds. A process that dies between claim and record leaves the delivery
    to another one, which sends it again with the same id.
    """

    def __init__(
        self, store: Store, sinks: Mapping[str, Sends], rng: Random, hidden: Secrets = NO_SECRETS
    ) -> None:
        """Send to these sinks; deliveries for others are left to the processes that have them.

        What is ``hidden`` is in no error.
        """
        self._store = store
        self._sinks = sinks
        self._rng, self._hidden = rng, hidden

    async def deliver(self) -> int:
        """Send what is due now, and return how much was sent."""
        if not self._sinks:
            return 0
        found = await self._store.alerts.entries((AlertKind.DELIVERY,))
        rows = (read(Delivery, row.key, row.version, row.body) for row in found.entries)
        known = [one for one in rows if isinstance(one, Delivery)]
        chosen = due(known, self._sinks, found.now)[:_AT_A_TIME]
        done = await asyncio.gather(*(self._one(each, found.now) for each in chosen))
        return sum(done)

    async def _one(self, one: Delivery, now: int) -> bool:
        """Send one delivery, if the claim on it is ours."""
        began = asyncio.get_running_loop().time()
        mine = claimed(one, now)
        if not await self._write(mine):
            return False
        mine = _stored(mine)
        # From the claim on: a process that was stopped since then must not send beside another.
        failure = await tried(self._sinks[one.sink], one.notification, self._hidden, began)
        now += int((asyncio.get_running_loop().time() - began) * SECOND)
        if failure is None:
            ended = sent(mine, now)
        else:
            ended = failed(mine, failure, now, self._rng)
            self._store.emit(AlertNotSent(one.sink, ended.error, ended.attempt, ended.given_up))
        await self._record(ended)
        return failure is None

    async def _record(self, ended: Delivery) -> None:
        """Record the end; without a record it is sent again when the claim is over."""
        for _ in range(_RECORD_TRIES):
            try:
                await self._write(ended)
            except EngineError:
                await asyncio.sleep(0.1)
            else:
                return

    async def _write(self, one: Delivery) -> bool:
        row = AlertEntry(AlertKind.DELIVERY, one.id, one.version, one.at, written(one))
        return await self._store.alerts.write([row])


async def tried(
    sink: Sends, notification: Notification, hidden: Secrets, began: float | None = None
) -> NotSent | None:
    """Send one message within the time limit, and return why that failed; None if it did not.

    The limit counts from ``began``, by the loop's time. What is ``hidden`` is not in the reason.
    """
    start = asyncio.get_running_loop().time() if began is None else began
    limit = asyncio.timeout_at(start + _SEND_SECONDS)
    try:
        async with limit:
            await sink.send(notification)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - a sink may raise anything
        if limit.expired():
            return NotSent(f"not sent within {_SEND_SECONDS:g} s")
        return _judged(error, hidden)
    return None


def _judged(error: Exception, hidden: Secrets) -> NotSent:
    """Return why a message did not arrive, in words without addresses."""
    words = str(error) if isinstance(error, NotSent) else worded(error, _ERROR_MAX)
    text = _ADDRESS.sub(r"\1...", hidden.hide(words))[:_ERROR_MAX] or "it was not sent"
    if isinstance(error, NotSent):
        return NotSent(text, permanent=error.permanent, after=error.after)
    return NotSent(text)


def _stored(one: Delivery) -> Delivery:
    """Return a delivery with the version that its row has after a write."""
    return replace(one, version=next_version(one.version))
