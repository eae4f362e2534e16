"""Every contract, for every engine of conftest.py."""

from typing import Any

import pytest

from dutiful.testing import conformance
from tests.conformance.conftest import STORES, unmade_store


class TestOpen(conformance.OpenContract):
    @pytest.fixture(params=STORES)
    def store(self, request: pytest.FixtureRequest) -> Any:
        return unmade_store(request, request.param)


class TestEnqueue(conformance.EnqueueContract): ...


class TestUnique(conformance.UniqueContract): ...


class TestClaim(conformance.ClaimContract): ...


class TestSettle(conformance.SettleContract): ...


class TestUnwritable(conformance.UnwritableContract): ...


class TestFence(conformance.FenceContract): ...


class TestStep(conformance.StepContract): ...


class TestReplacement(conformance.ReplacementContract): ...


class TestTransaction(conformance.TransactionContract): ...


class TestAwaited(conformance.AwaitedContract): ...


class TestCaller(conformance.CallerContract): ...


class TestLease(conformance.LeaseContract): ...


class TestRescue(conformance.RescueContract): ...


class TestCancel(conformance.CancelContract): ...


class TestRedrive(conformance.RedriveContract): ...


class TestPause(conformance.PauseContract): ...


class TestInspect(conformance.InspectContract): ...


class TestPrune(conformance.PruneContract): ...


class TestWake(conformance.WakeContract): ...


class TestCopy(conformance.CopyContract): ...


class TestShut(conformance.ShutContract): ...


class TestSchedule(conformance.ScheduleContract): ...


class TestDeclare(conformance.DeclareContract): ...


class TestOwner(conformance.OwnerContract): ...


class TestGivingWay(conformance.GivingWayContract): ...


class TestReview(conformance.ReviewContract): ...


class TestDiary(conformance.ScheduleHistoryContract): ...
