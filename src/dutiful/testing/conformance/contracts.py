"""All contracts, in the order in which a reader wants them."""

from __future__ import annotations

from dutiful.testing.conformance.activity import ActivityContract
from dutiful.testing.conformance.alert_store import AlertsContract
from dutiful.testing.conformance.awaited import AwaitedContract
from dutiful.testing.conformance.bounds import BoundsContract
from dutiful.testing.conformance.caller import CallerContract
from dutiful.testing.conformance.cancel import CancelContract
from dutiful.testing.conformance.claim import ClaimContract
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
from dutiful.testing.conformance.open import OpenContract
from dutiful.testing.conformance.ordered import OrdersContract
from dutiful.testing.conformance.owner import OwnerContract
from dutiful.testing.conformance.pause import PauseContract
from dutiful.testing.conformance.prune import PruneContract
from dutiful.testing.conformance.redrive import RedriveContract
from dutiful.testing.conformance.replacement import ReplacementContract
from dutiful.testing.conformance.rescue import RescueContract
from dutiful.testing.conformance.review import ReviewContract
from dutiful.testing.conformance.schedule import ScheduleContract
from dutiful.testing.conformance.schedule_history import ScheduleHistoryContract
from dutiful.testing.conformance.server_lease import ServerLeaseContract
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.settle import SettleContract
from dutiful.testing.conformance.shut import ShutContract
from dutiful.testing.conformance.stale import StaleContract
from dutiful.testing.conformance.step import StepContract
from dutiful.testing.conformance.task_log import LogContract
from dutiful.testing.conformance.transaction import TransactionContract
from dutiful.testing.conformance.unique import UniqueContract
from dutiful.testing.conformance.unwritable import UnwritableContract
from dutiful.testing.conformance.wake import WakeContract

CONTRACTS: tuple[type[Contract], ...] = (
    OpenContract,
    DeclaredContract,
    EnqueueContract,
    BoundsContract,
    UniqueContract,
    CallerContract,
    ClaimContract,
    SettleContract,
    UnwritableContract,
    StaleContract,
    FenceContract,
    StepContract,
    ReplacementContract,
    TransactionContract,
    AwaitedContract,
    JobLeaseContract,
    ServerLeaseContract,
    LeaseContract,
    OrdersContract,
    RescueContract,
    CancelContract,
    RedriveContract,
    PauseContract,
    InspectContract,
    CountContract,
    PruneContract,
    WakeContract,
    CopyContract,
    ShutContract,
    ScheduleContract,
    DeclareContract,
    OwnerContract,
    GivingWayContract,
    ReviewContract,
    ScheduleHistoryContract,
    ActivityContract,
    AlertsContract,
    LogContract,
)
