"""A deliberately poor broker in memory: what an engine must at least do, and nothing more."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from random import Random

import msgspec
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock, SystemClock
from dutiful.contract.engine import AttemptCounter, Bounds, Engine, LeaseOwner
from dutiful.contract.page import Finding
from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.contract.roles.fleet import Renewal
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import (
    BadOption,
    EngineUnavailable,
    PartlyEnqueued,
    PayloadTooLarge,
    ReplyUnknown,
    Unsupported,
    UsageError,
)
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND, spell
from dutiful.core.job import Claim, Job, NewJob, stamp
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.testing.broker_faults import BrokerFault, BrokerFaults

_BOUNDS = Bounds(payload=64 * 1024, delay=15 * MINUTE, batch=10, lease=12 * HOUR, retention=4 * DAY)


class Message(msgspec.Struct):
    """A message; its body never changes once it is sent."""

    body: Job
    sent: int
    """Ticks."""
    visible: int
    """The ticks from which it may be given out."""
    receives: int = 0
    receipt: int = 0
    """The number of its latest delivery; 0 before the first."""


class BrokerQueues:
    """The messages of all queues, shared by the instances that are connected to one broker."""

    def __init__(
        self, clock: Clock | None = None, faults: BrokerFaults | None = None, seed: int = 0
    ) -> None:
        """Start empty; ``seed`` decides in which order messages are given out."""
        self.clock = clock or SystemClock()
        self.faults = faults or BrokerFaults()
        self.random = Random(seed)  # noqa: S311 - not for secrets
        self.lock = threading.Lock()
        self.messages: dict[int, Message] = {}
        self.ended: list[tuple[str, State]] = []
        """The ids and final states of the jobs whose messages were deleted."""
        self.numbers = itertools.count(1)
        """Of messages and of deliveries."""

    def before(self) -> None:
        """Fail a call that has done nothing yet."""
        if self.faults.strikes(BrokerFault.UNAVAILABLE):
            raise EngineUnavailable("the broker does not answer")

    def after(self) -> None:
        """Lose the reply of a call that has done its work."""
        if self.faults.strikes(BrokerFault.LOST_REPLY):
            raise ReplyUnknown("the connection to the broker broke before its reply")


class BrokerProducer:
    """The role `Producer`; a job that is sent twice is stored twice."""

    def __init__(self, queues: BrokerQueues) -> None:
        """Share the broker's queues."""
        self.queues = queues

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Send at most ten jobs, each of which may fail alone."""
        queues = self.queues
        with queues.lock:
            now, ticks = queues.clock.now(), queues.clock.ticks()
            _refuse(jobs, now)
            queues.before()
            stored: list[str] = []
            failed: dict[str, str] = {}
            for new in jobs:
                if queues.faults.strikes(BrokerFault.ENTRY):
                    failed[new.id] = "the broker failed to store it"
                    continue
                visible = ticks + _delay(new, now)
                queues.messages[next(queues.numbers)] = Message(stamp(new, now), ticks, visible)
                stored.append(new.id)
            queues.after()
        if failed:
            raise PartlyEnqueued(stored, failed)
        return tuple(Receipt(new.id) for new in jobs)


class BrokerConsumer:
    """The roles `Consumer` and `Leases`: each message has its own lease."""

    def __init__(self, queues: BrokerQueues, visibility: int) -> None:
        """Give messages out for ``visibility`` microseconds, unless the lease is renewed."""
        self.queues = queues
        self.visibility = visibility

    async def exchange(
        self, worker: str, settlements: Sequence[Settlement], wanted: Wanted | None
    ) -> Exchanged:
        """Delete or return messages, then receive at most ten: a queue's come in any order.

        A stale attempt cannot be refused: what it ends is left as it is, and it learns nothing.
        """
        queues = self.queues
        with queues.lock:
            queues.before()
            delayed = [item.claim.job.id for item in settlements if not self._settle(item)]
            claims = () if wanted is None else self._receive(worker, wanted)
            queues.after()
        return Exchanged(claims, delayed=tuple(delayed))

    async def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Sleep: this broker wakes no worker."""
        await asyncio.sleep(seconds)

    async def record_step(self, claim: Claim, name: str, result: bytes) -> bool:
        """Refuse: a message cannot be changed."""
        raise Unsupported(PoorBroker.name, Capability.STEPS.value)

    async def renew(
        self,
        worker: str,
        *,
        claims: Sequence[Claim] = (),
        lease: int = 0,
        stalled_for: int = 0,
        report: str | None = None,
    ) -> Renewal:
        """Prolong the lease of each message that is still leased to its claim."""
        queues, lost = self.queues, list[str]()
        with queues.lock:
            queues.before()
            ticks = queues.clock.ticks()
            for claim in claims:
                message = self._held(claim)
                if message is None or message.visible <= ticks:
                    lost.append(claim.job.id)
                else:
                    message.visible = ticks + min(lease, _BOUNDS.lease or lease)
            queues.after()
        return Renewal(valid=True, lost=tuple(lost))

    def _held(self, claim: Claim) -> Message | None:
        number, receipt = claim.handle
        message = self.queues.messages.get(number)
        return message if message is not None and message.receipt == receipt else None

    def _settle(self, item: Settlement) -> bool:
        queues = self.queues
        if queues.faults.strikes(BrokerFault.ENTRY):
            return False
        message = self._held(item.claim)
        if message is not None and item.state.final:
            del queues.messages[item.claim.handle[0]]
            queues.ended.append((item.claim.job.id, item.state))
        elif message is not None:
            delay = item.delay if item.run_at is None else item.run_at - queues.clock.now()
            message.visible = queues.clock.ticks() + min(max(delay, 0), _BOUNDS.lease or delay)
        return True

    def _receive(self, worker: str, wanted: Wanted) -> tuple[Claim, ...]:
        queues, ticks = self.queues, self.queues.clock.ticks()
        limit = min(wanted.limit, _BOUNDS.batch or wanted.limit)
        if queues.faults.strikes(BrokerFault.EMPTY):
            return ()
        kept = ticks - (_BOUNDS.retention or ticks)
        for number in [number for number, one in queues.messages.items() if one.sent < kept]:
            del queues.messages[number]
        again = queues.faults.strikes(BrokerFault.DUPLICATE)
        ready = [
            number
            for number, one in queues.messages.items()
            if one.body.queue in wanted.queues and (one.visible <= ticks or (again and one.receipt))
        ]
        queues.random.shuffle(ready)
        ready.sort(key=lambda number: wanted.queues.index(queues.messages[number].body.queue))
        until = ticks + (wanted.lease or self.visibility)
        return tuple(self._deliver(number, worker, until) for number in ready[:limit])

    def _deliver(self, number: int, worker: str, until: int) -> Claim:
        queues = self.queues
        message = queues.messages[number]
        message.receives += 1
        message.receipt = next(queues.numbers)
        message.visible = until
        job = replace(
            message.body,
            state=State.RUNNING,
            attempt=message.receives,
            fence=message.receipt,
            worker=worker,
            started_at=queues.clock.now(),
            meta=dict(message.body.meta),
        )
        return Claim(job, (number, message.receipt))


class PoorBroker(Engine):
    """Messages in memory with a lease each: no order, no lists, delivered at least once."""

    name = "broker"
    poll = 0.1
    capabilities = frozenset({Capability.DELAY})
    bounds = _BOUNDS
    lease_owner = LeaseOwner.JOB
    attempt_counter = AttemptCounter.BROKER

    def __init__(
        self, queues: BrokerQueues | None = None, *, visibility: int = 30 * SECOND
    ) -> None:
        """Start empty, or share another instance's ``queues``; ``visibility`` in microseconds."""
        self.queues = queues or BrokerQueues()
        self.producer = BrokerProducer(self.queues)
        self.consumer = self.leases = BrokerConsumer(self.queues, visibility)

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Do nothing: memory is always open."""
        return ()

    async def close(self) -> None:
        """Keep everything, so that a test can look at it afterwards."""

    async def check(self) -> tuple[Finding, ...]:
        """Count what is there."""
        return (Finding("broker", True, f"{len(self.queues.messages)} messages"),)


def _refuse(jobs: Sequence[NewJob], now: int) -> None:
    """Raise for what is above the bounds, before any job is stored."""
    if _BOUNDS.batch is not None and len(jobs) > _BOUNDS.batch:
        raise UsageError(f"{len(jobs)} jobs in one call; the broker takes {_BOUNDS.batch}")
    for new in jobs:
        if _BOUNDS.payload is not None and len(new.args) > _BOUNDS.payload:
            raise PayloadTooLarge(f"{len(new.args):,} bytes; the broker takes {_BOUNDS.payload:,}")
        if _BOUNDS.delay is not None and _delay(new, now) > _BOUNDS.delay:
            raise BadOption(f"a delay above {spell(_BOUNDS.delay)}, which the broker takes at most")


def _delay(new: NewJob, now: int) -> int:
    return max(new.delay if new.run_at is None else new.run_at - now, 0)
