"""The suite that holds an engine to the contract; it never looks at which engine it holds.

An engine's author writes fixtures and one line::

    @pytest.fixture
    def connect(tmp_path):
        return lambda clock: MyEngine(tmp_path / "jobs", clock=clock)


    conformance.suite(globals())

``connect`` makes instances that are not open yet, and all of one test's instances share a store.
The clock is moved by hand; where the store's cannot be, a fixture ``clock`` gives a `RealTime`.
"""

import pkgutil

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{room.name}" for room in pkgutil.iter_modules(__path__))
)

# ruff: noqa: E402 - an assert is explained on failure only when registered before the import
from dutiful.testing.conformance.activity import ActivityContract
from dutiful.testing.conformance.alert_store import AlertsContract
from dutiful.testing.conformance.awaited import AsyncLedger, AwaitedContract
from dutiful.testing.conformance.bounds import BoundsContract, FailNext
from dutiful.testing.conformance.caller import Caller, CallerContract
from dutiful.testing.conformance.cancel import CancelContract
from dutiful.testing.conformance.claim import ClaimContract
from dutiful.testing.conformance.contracts import CONTRACTS
from dutiful.testing.conformance.copy import CopyContract
from dutiful.testing.conformance.count import CountContract
from dutiful.testing.conformance.declare import DeclareContract
from dutiful.testing.conformance.declared import DeclaredContract
from dutiful.testing.conformance.enqueue import EnqueueContract
from dutiful.testing.conformance.fence import FenceContract
from dutiful.testing.conformance.giving_way import GivingWayContract
from dutiful.testing.conformance.inspect import InspectContract
from dutiful.testing.conformance.job_lease import JobLeaseContract
from dutiful.testing.conformance.lease import LeaseContract
from dutiful.testing.conformance.matrix import matrix
from dutiful.testing.conformance.open import OpenContract
from dutiful.testing.conformance.owner import OwnerContract
from dutiful.testing.conformance.pause import PauseContract
from dutiful.testing.conformance.prune import PruneContract
from dutiful.testing.conformance.redrive import RedriveContract
from dutiful.testing.conformance.replacement import ReplacementContract
from dutiful.testing.conformance.requires import (
    bounded,
    counted_by,
    lacks,
    leased_by,
    needs_advance,
    needs_delay,
    needs_step,
    requires,
)
from dutiful.testing.conformance.rescue import RescueContract
from dutiful.testing.conformance.review import ReviewContract
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.schedule import ScheduleContract
from dutiful.testing.conformance.schedule_history import ScheduleHistoryContract
from dutiful.testing.conformance.server_lease import ServerLeaseContract
from dutiful.testing.conformance.setting import Connect, Contract
from dutiful.testing.conformance.settle import SettleContract
from dutiful.testing.conformance.shut import ShutContract
from dutiful.testing.conformance.stale import StaleContract
from dutiful.testing.conformance.step import StepContract
from dutiful.testing.conformance.suite import suite
from dutiful.testing.conformance.suite_clock import RealTime, SuiteClock
from dutiful.testing.conformance.task_log import LogContract
from dutiful.testing.conformance.transaction import Ledger, TransactionContract
from dutiful.testing.conformance.unique import UniqueContract
from dutiful.testing.conformance.unwritable import UnwritableContract
from dutiful.testing.conformance.wake import WakeContract

__all__ = [
    "CONTRACTS",
    "ActivityContract",
    "AlertsContract",
    "AsyncLedger",
    "AwaitedContract",
    "BoundsContract",
    "Caller",
    "CallerContract",
    "CancelContract",
    "ClaimContract",
    "Connect",
    "Contract",
    "CopyContract",
    "CountContract",
    "DeclareContract",
    "DeclaredContract",
    "EnqueueContract",
    "FailNext",
    "FenceContract",
    "GivingWayContract",
    "InspectContract",
    "JobLeaseContract",
    "LeaseContract",
    "Ledger",
    "LogContract",
    "OpenContract",
    "OwnerContract",
    "PauseContract",
    "PruneContract",
    "RealTime",
    "RedriveContract",
    "ReplacementContract",
    "RescueContract",
    "ReviewContract",
    "Roles",
    "ScheduleContract",
    "ScheduleHistoryContract",
    "ServerLeaseContract",
    "SettleContract",
    "ShutContract",
    "StaleContract",
    "StepContract",
    "SuiteClock",
    "TransactionContract",
    "UniqueContract",
    "UnwritableContract",
    "WakeContract",
    "bounded",
    "counted_by",
    "lacks",
    "leased_by",
    "matrix",
    "needs_advance",
    "needs_delay",
    "needs_step",
    "requires",
    "suite",
]
