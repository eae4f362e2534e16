"""The engine that is held to the contract, as its tests see it."""

from __future__ import annotations

from typing import cast

from dutiful.contract.engine import Engine
from dutiful.contract.roles.activity import ActivityStore
from dutiful.contract.roles.alert_store import AlertStore
from dutiful.contract.roles.controller import Controller
from dutiful.contract.roles.fleet import Fleet, Leases
from dutiful.contract.roles.fleet_orders import FleetOrders
from dutiful.contract.roles.inspector import Inspector
from dutiful.contract.roles.log_reader import LogReader
from dutiful.contract.roles.producer import CallerProducer, SyncProducer
from dutiful.contract.roles.retention import Retention
from dutiful.contract.roles.schedule_store import ScheduleStore
from dutiful.contract.roles.schema import Schema
from dutiful.contract.roles.transactional import Transactional
from dutiful.contract.roles.transfer import Exporter, Importer


class Roles:
    """An engine as the tests of the suite see it: with the roles that their marks demand."""

    def __init__(self, engine: Engine) -> None:
        """Look at an engine that is not open yet."""
        self.engine = engine
        self.name, self.capabilities, self.bounds = engine.name, engine.capabilities, engine.bounds
        self.lease_owner, self.attempt_counter = engine.lease_owner, engine.attempt_counter
        self.open, self.close, self.check = engine.open, engine.close, engine.check
        self.producer = engine.producer
        self.consumer = engine.consumer
        self.sync_producer = cast(SyncProducer, engine.sync_producer)
        self.caller_producer = cast(CallerProducer, engine.caller_producer)
        self.transactional = cast(Transactional, engine.transactional)
        self.leases = cast(Leases, engine.leases)
        self.fleet = cast(Fleet, engine.fleet)
        self.orders = cast(FleetOrders, engine.orders)
        self.inspector = cast(Inspector, engine.inspector)
        self.controller = cast(Controller, engine.controller)
        self.schedules = cast(ScheduleStore, engine.schedules)
        self.retention = cast(Retention, engine.retention)
        self.exporter = cast(Exporter, engine.exporter)
        self.importer = cast(Importer, engine.importer)
        self.schema = cast(Schema, engine.schema)
        self.activity = cast(ActivityStore, engine.activity)
        self.alerts = cast(AlertStore, engine.alerts)
        self.logs = cast(LogReader, engine.logs)
