"""Sends an alert about a store that cannot be used, without the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec
from msgspec.structs import replace

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alert_event import AlertFired, AlertNotSent
from dutiful.core.alerting.incident import Delivery, Incident, read, written
from dutiful.core.alerting.outage import KEY, Outage, begin, recorded
from dutiful.core.alerting.routing import Policy
from dutiful.core.alerting.rule import Limit
from dutiful.core.alerting.sending import claimed, due, failed, sent
from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.retry import Random
from dutiful.core.secret_texts import NO_SECRETS, Secrets

from .delivering import Sends, tried
from .trouble import OutageReport

LOOK_SECONDS = 1.0


class OutageKeeper(Protocol):
    """Lets one process of a host speak for all, and keeps what it has said if it ends."""

    def take(self) -> bytes | None:
        """Speak from now on; returns what was kept of late. None while another process speaks."""
        ...

    def keep(self, said: bytes) -> None:
        """Keep this for the next one."""
        ...

    def release(self) -> None:
        """Let another process speak."""
        ...


class OutageAlert:
    """Looks every second at how long the store has been in trouble, and alerts beyond a limit.

    One process of a host sends; if it ends, another goes on, with the same ids. Hosts cannot agree
    without their store, so each sends a message. When the store can be used again, the alert is
    recorded once, with what could not be sent, and the alerter resolves it.
    """

    name = "outage"

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        trouble: OutageReport,
        sinks: Mapping[str, Sends],
        limit: Limit,
        policy: Policy,
        keeper: OutageKeeper,
        where: str,
        rng: Random,
        hidden: Secrets = NO_SECRETS,
    ) -> None:
        """Look at nothing yet; ``where`` names this process in the message.

        What is ``hidden`` is in no error.
        """
        self._rng, self._hidden = rng, hidden
        self._store, self._clock, self._trouble = store, clock, trouble
        self._sinks, self._limit, self._policy = sinks, limit, policy
        self._keeper, self._where = keeper, where
        self._outage: Outage | None = None
        self._troubled = True
        """Whether there may be something to record: also at the start, of another process."""

    def rest(self, rng: Random) -> float:
        """Look about every second."""
        return LOOK_SECONDS

    async def run_once(self) -> int:
        """Begin, go on or end; returns how many messages were sent."""
        since = self._trouble.since
        if since is None:
            if self._outage is not None or self._troubled:
                self._troubled = not await self._over()
            return 0
        self._troubled = True
        lasted = self._trouble.ticks() - since
        if self._outage is None and (lasted <= self._limit.above or not self._began(lasted)):
            return 0
        return 0 if self._outage is None else await self._deliver(self._outage)

    def close(self) -> None:
        """Leave the rest to another process."""
        self._keeper.release()

    def _began(self, lasted: int) -> bool:
        """Speak for this host, unless another process does."""
        if (kept := self._keeper.take()) is None:
            return False
        last, now = _decoded(kept), self._clock.now()
        if last is not None and last.on:
            self._outage = last
            return True
        ended = 0 if last is None else last.incident.changed_at
        if now - self._limit.above <= ended <= now:  # this process is not over it yet
            self._keeper.release()
            return False
        self._outage = outage = begin(
            self._limit,
            self._policy,
            since=now - lasted,
            now=now,
            error=self._trouble.error,
            where=self._where,
            last=None if last is None else last.incident.last_announced_at,
        )
        self._keep(outage)
        if not 0 <= now - ended <= self._limit.above + self._policy.clear_after:
            self._fired(outage.incident)
        # Else another process was over it for a moment only: the same alert still fires.
        return True

    def _fired(self, one: Incident) -> None:
        self._store.emit(
            AlertFired(
                one.rule,
                one.subject,
                one.severity,
                one.title,
                one.count,
                one.since,
                one.error,
                one.command,
            )
        )

    async def _deliver(self, outage: Outage) -> int:
        """Send what is due; what fails is tried again after a pause that grows."""
        now = self._clock.now()
        chosen = due(outage.deliveries, self._sinks, now)
        ended = await asyncio.gather(*(self._send(claimed(one, now)) for one in chosen))
        by_id = {one.id: one for one in ended}
        deliveries = tuple(by_id.get(one.id, one) for one in outage.deliveries)
        self._outage = replace(outage, deliveries=deliveries)
        self._keep(self._outage)
        return sum(one.sent_at is not None for one in ended)

    async def _send(self, one: Delivery) -> Delivery:
        failure = await tried(self._sinks[one.sink], one.notification, self._hidden)
        if failure is not None:
            after = failed(one, failure, self._clock.now(), self._rng)
            self._store.emit(AlertNotSent(one.sink, after.error, after.attempt, after.given_up))
            return after
        return sent(one, self._clock.now())

    async def _over(self) -> bool:
        """Record the alert, of this process or of one that has ended; whether that is done."""
        if (outage := self._outage) is None:
            kept = self._keeper.take()
            if kept is None:
                return False  # another process does it, or ends before
            outage = _decoded(kept)
        if outage is not None and outage.on:
            self._outage = outage
            try:
                if not await self._record(outage):
                    return False
            except (EngineUnavailable, ReplyUnknown):
                return False
            ended = {"state": "resolved", "changed_at": self._clock.now()}
            self._keep(replace(outage, incident=replace(outage.incident, **ended)))
        self._outage = None
        self._keeper.release()
        return True

    async def _record(self, outage: Outage) -> bool:
        found = await self._store.alerts.entries((AlertKind.INCIDENT,))
        rows = [row for row in found.entries if row.key == KEY]
        stored = read(Incident, KEY, rows[0].version, rows[0].body) if rows else None
        both = recorded(outage, stored, found.now - self._clock.now())
        if both is None:
            return True
        one, deliveries = both
        entries = [AlertEntry(AlertKind.INCIDENT, KEY, one.version, one.seen_at, written(one))]
        entries += [
            AlertEntry(AlertKind.DELIVERY, each.id, 0, each.at, written(each))
            for each in deliveries
        ]
        return await self._store.alerts.write(entries)

    def _keep(self, outage: Outage) -> None:
        self._keeper.keep(msgspec.json.encode(outage))


def _decoded(kept: bytes) -> Outage | None:
    """Return what was kept; None for what is no outage, such as a text that was cut off."""
    try:
        return msgspec.json.decode(kept, type=Outage)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
