"""The roles of an engine, each behind the check that the engine declares it."""

from __future__ import annotations

from typing import TypeVar

from dutiful.core.errors import Unsupported

from .capability import ADVICE, Capability
from .engine import Engine
from .roles.activity import ActivityStore
from .roles.alert_store import AlertStore
from .roles.consumer import Consumer
from .roles.controller import Controller
from .roles.fleet import Fleet, Leases
from .roles.fleet_orders import FleetOrders
from .roles.inspector import Inspector
from .roles.log_reader import LogReader
from .roles.retention import Retention
from .roles.schedule_store import ScheduleStore
from .roles.schema import Schema
from .roles.transactional import Transactional
from .roles.transfer import Exporter, Importer

R = TypeVar("R")


class StoreRoles:
    """Gives out the roles of an engine; asking for one that it lacks raises Unsupported."""

    def __init__(self, engine: Engine) -> None:
        """Wrap an engine."""
        self.engine = engine

    @property
    def name(self) -> str:
        """The engine's name, as its URL scheme spells it."""
        return self.engine.name

    @property
    def poll(self) -> float:
        """Seconds after which an idle worker looks for work even without a wake-up."""
        return self.engine.poll

    def can(self, capability: Capability) -> bool:
        """Whether the engine declares the capability."""
        return capability in self.engine.capabilities

    def require(self, capability: Capability) -> None:
        """Raise Unsupported, before any I/O, unless the engine declares the capability."""
        if capability not in self.engine.capabilities:
            raise Unsupported(self.engine.name, capability.value, ADVICE.get(capability, ""))

    def controller(self, capability: Capability) -> Controller:
        """Return the role of changing jobs by hand; Unsupported without ``capability``."""
        self.require(capability)
        if self.engine.controller is None:
            raise Unsupported(
                self.engine.name, "change jobs that it holds", "let them run, or enqueue others"
            )
        return self.engine.controller

    @property
    def inspector(self) -> Inspector:
        """The role of looking at jobs, or Unsupported."""
        return self._role(self.engine.inspector, Capability.INSPECT)

    @property
    def retention(self) -> Retention:
        """The role of pruning, or Unsupported."""
        return self._role(self.engine.retention, Capability.PRUNE)

    @property
    def exporter(self) -> Exporter:
        """The role of exporting a store's content, or Unsupported."""
        return self._role(self.engine.exporter, Capability.EXPORT)

    @property
    def importer(self) -> Importer:
        """The role of importing another store's content, or Unsupported."""
        return self._role(self.engine.importer, Capability.IMPORT)

    @property
    def transactional(self) -> Transactional:
        """The role of joining a task's writes with its completion, or Unsupported."""
        return self._role(self.engine.transactional, Capability.TRANSACTION)

    @property
    def schedules(self) -> ScheduleStore:
        """The role of keeping schedules, or Unsupported."""
        return self._role(self.engine.schedules, Capability.SCHEDULES)

    @property
    def activity(self) -> ActivityStore:
        """The role of keeping counts by minute and hour, or Unsupported."""
        return self._role(self.engine.activity, Capability.ACTIVITY)

    @property
    def alerts(self) -> AlertStore:
        """The role of keeping alerts, or Unsupported."""
        return self._role(self.engine.alerts, Capability.ALERTS)

    @property
    def logs(self) -> LogReader:
        """The role of reading what tasks logged, or Unsupported."""
        return self._role(self.engine.logs, Capability.LOGS)

    @property
    def schema(self) -> Schema:
        """The role of keeping a schema, or Unsupported."""
        return self._role(self.engine.schema, Capability.MIGRATE)

    @property
    def fleet(self) -> Fleet:
        """The role of knowing the workers, or Unsupported."""
        return self._role(self.engine.fleet, Capability.FLEET)

    @property
    def orders(self) -> FleetOrders:
        """The role of passing orders to workers, or Unsupported."""
        return self._role(self.engine.orders, Capability.ORDERS)

    @property
    def leases(self) -> Leases | None:
        """The role of prolonging leases; None where the server keeps them."""
        return self.engine.leases

    @property
    def consumer(self) -> Consumer:
        """The role of giving jobs out, without the facade's events (see `exchange`)."""
        return self.engine.consumer

    def _role(self, role: R | None, capability: Capability) -> R:
        self.require(capability)
        if role is None:
            raise Unsupported(self.engine.name, capability.value, ADVICE.get(capability, ""))
        return role
