"""What workers report with their renewals, and what they are ordered to do."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.core.worker_report import RunningJob, WorkerReport, decode_report, encode_report
from dutiful.testing.conformance.moves import hand
from dutiful.testing.conformance.requires import needs_advance, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock

REPORT = WorkerReport(
    state="serving",
    slots=16,
    in_use=1,
    running=(RunningJob(id="j1", task="märz☀", started_at=1),),
    rss_mb=40.5,
)


async def status(engine: Roles, worker: str = "w1") -> WorkerStatus:
    """Return a worker's status."""
    (found,) = [row for row in await engine.fleet.workers() if row.info.id == worker]
    return found


@requires(Capability.ORDERS, Capability.FLEET)
class OrdersContract(Contract):
    """Holds the role `FleetOrders`, and the report in `Leases.renew`."""

    async def test_a_worker_that_has_reported_nothing_serves(self, engine: Roles) -> None:
        found = await status(engine)
        assert (found.report, found.ordered, found.state) == (None, None, "serving")
        assert (await engine.leases.renew("w1")).order is None

    async def test_a_report_is_shown_as_it_was_given(self, engine: Roles) -> None:
        await engine.leases.renew("w1", report=encode_report(REPORT))
        found = await status(engine)
        assert (found.report, found.unreadable) == (REPORT, None)

    async def test_the_last_report_counts_and_a_renewal_without_one_keeps_it(
        self, engine: Roles
    ) -> None:
        quiet = WorkerReport(state="quiet", slots=16)
        await engine.leases.renew("w1", report=encode_report(REPORT))
        await engine.leases.renew("w1", report=encode_report(quiet))
        await engine.leases.renew("w1")
        assert (await status(engine)).report == quiet

    async def test_a_report_of_the_greatest_size_is_taken(self, engine: Roles) -> None:
        many = tuple(
            RunningJob(id=f"{number:0200}", task="t" * 200, started_at=2**60)
            for number in range(200)
        )
        text = encode_report(WorkerReport(state="hung", reason="r" * 9_000, running=many))
        assert (await engine.leases.renew("w1", report=text)).valid
        assert (await status(engine)).report == decode_report(text)

    async def test_an_order_comes_with_each_renewal_until_it_is_taken_back(
        self, engine: Roles
    ) -> None:
        assert await engine.orders.order(["w1"], "quiet") == ("w1",)
        for _ in range(2):
            assert (await engine.leases.renew("w1")).order == "quiet"
        found = await status(engine)
        assert (found.ordered, found.serves) == ("quiet", False)
        assert await engine.orders.order(["w1"], None) == ("w1",)
        assert (await engine.leases.renew("w1")).order is None
        assert (await status(engine)).serves

    async def test_the_last_order_counts(self, engine: Roles) -> None:
        await engine.orders.order(["w1"], "quiet")
        await engine.orders.order(["w1"], "drain")
        assert (await engine.leases.renew("w1")).order == "drain"

    async def test_an_order_is_for_the_workers_that_are_named(self, engine: Roles) -> None:
        for worker in ("w2", "w3"):
            await engine.fleet.join(hand(worker))
        given = await engine.orders.order(["w1", "w3", "stranger"], "quiet")
        assert sorted(given) == ["w1", "w3"]
        orders = {row.info.id: row.ordered for row in await engine.fleet.workers()}
        assert orders == {"w1": "quiet", "w2": None, "w3": "quiet"}

    async def test_no_worker_is_no_order(self, engine: Roles) -> None:
        assert await engine.orders.order([], "drain") == ()

    @needs_advance("11s")
    async def test_a_lost_worker_takes_no_order(self, engine: Roles, clock: SuiteClock) -> None:
        clock.advance("11s")
        assert await engine.fleet.expire([]) == ("w1",)
        assert await engine.orders.order(["w1"], "quiet") == ()
        assert not (await engine.leases.renew("w1", report=encode_report(REPORT))).valid

    async def test_joining_again_keeps_the_order(self, engine: Roles) -> None:
        await engine.orders.order(["w1"], "quiet")
        await engine.fleet.join(hand("w1"))
        assert (await engine.leases.renew("w1")).order == "quiet"

    async def test_another_instance_sees_report_and_order(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        first, second = engines
        await first.leases.renew("w1", report=encode_report(REPORT))
        await second.orders.order(["w1"], "drain")
        assert (await status(second)).report == REPORT
        assert (await first.leases.renew("w1")).order == "drain"
