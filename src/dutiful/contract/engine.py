"""What an engine must implement: the facts that it declares and the roles that it plays.

A role is a field. An engine that lacks a role leaves the field None, and the store raises
Unsupported, before any I/O, when that role is needed. Every engine must have `producer` and
`consumer`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

import msgspec

from .capability import Capability
from .page import Finding
from .roles.activity import ActivityStore
from .roles.alert_store import AlertStore
from .roles.consumer import Consumer
from .roles.controller import Controller
from .roles.fleet import Fleet, Leases
from .roles.fleet_orders import FleetOrders
from .roles.health import Health
from .roles.inspector import Inspector
from .roles.log_reader import LogReader
from .roles.producer import CallerProducer, Producer, SyncProducer
from .roles.retention import Retention
from .roles.schedule_store import ScheduleStore
from .roles.schema import Schema
from .roles.transactional import Transactional
from .roles.transfer import Exporter, Importer


class LeaseOwner(StrEnum):
    """Whose lease keeps a running job from being given to another worker."""

    WORKER = "worker"
    """The worker's: one renewal covers all its jobs; a rescuer takes back those of dead workers."""
    JOB = "job"
    """The job's own, such as a message's visibility timeout or a lock: each one is renewed."""
    SERVER = "server"
    """The server's: it knows whether a worker is connected, so no lease is renewed. A worker whose
    connection broke has lost its jobs, and its next exchange says so (`Exchanged.lost`)."""


class AttemptCounter(StrEnum):
    """Who counts the attempts of a job."""

    STORE = "store"
    """The store writes what `core` decides: an attempt that was released is not counted."""
    BROKER = "broker"
    """The broker counts deliveries and cannot lower the number; a released attempt is counted."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a store can take at most; None where it has no bound of its own."""

    payload: int | None = None
    """Bytes of a job's encoded arguments."""
    delay: int | None = None
    """Microseconds from enqueueing until a job is due."""
    batch: int | None = None
    """Jobs that one call to `Producer.enqueue` may hold, or that one claim gives out."""
    lease: int | None = None
    """Microseconds."""
    retention: int | None = None
    """Microseconds for which a job is kept that no worker starts."""


UNBOUNDED = Bounds()


class Engine(ABC):
    """One store. Its class declares the facts; an instance has the roles."""

    name: ClassVar[str]
    """The engine's name, the same as its URL scheme."""
    poll: ClassVar[float]
    """Seconds after which an idle worker looks for work even without a wake-up."""
    capabilities: ClassVar[frozenset[Capability]]
    bounds: ClassVar[Bounds] = UNBOUNDED
    lease_owner: ClassVar[LeaseOwner] = LeaseOwner.WORKER
    attempt_counter: ClassVar[AttemptCounter] = AttemptCounter.STORE

    producer: Producer
    consumer: Consumer
    sync_producer: SyncProducer | None = None
    caller_producer: CallerProducer | None = None
    transactional: Transactional | None = None
    leases: Leases | None = None
    fleet: Fleet | None = None
    orders: FleetOrders | None = None
    inspector: Inspector | None = None
    controller: Controller | None = None
    schedules: ScheduleStore | None = None
    retention: Retention | None = None
    exporter: Exporter | None = None
    importer: Importer | None = None
    schema: Schema | None = None
    health: Health | None = None
    activity: ActivityStore | None = None
    alerts: AlertStore | None = None
    logs: LogReader | None = None

    @abstractmethod
    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Connect, and bring a schema up to date where that is safe.

        Without ``create``, StoreUnusable when there is no store yet. Returns notices that an
        operator should read. Many processes may open at the same time. On lost reply: open again.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close connections and end threads; calling it twice is harmless."""

    async def check(self) -> tuple[Finding, ...]:
        """Look at the store's health; changes nothing."""
        return ()
