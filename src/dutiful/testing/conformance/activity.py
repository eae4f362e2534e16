"""Keeping counts by minute and by hour."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.core.alerting.sample import Activity
from dutiful.core.instant import HOUR, MINUTE
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract

START = 1_700_000_000 // 3600 * HOUR
ROW = Activity(
    at=START,
    queue="mail",
    name="send",
    succeeded=3,
    failed=1,
    runs=4,
    run_sum=40,
    run_max=20,
    error="ValueError: no",
)


@requires(Capability.ACTIVITY)
class ActivityContract(Contract):
    """Holds the role `ActivityStore`."""

    async def test_counts_are_kept(self, engine: Roles) -> None:
        rows = tuple(
            replace(ROW, name=name, dead=1, rescued=2, expired=3, unknown=4) for name in ("a", "b")
        )
        await engine.activity.add(rows)
        assert await engine.activity.read(MINUTE, START) == rows
        assert await engine.activity.read(MINUTE, START + 1) == ()
        assert await engine.activity.read(HOUR, START) == ()

    async def test_counts_are_added(self, engine: Roles) -> None:
        await engine.activity.add([ROW])
        more = replace(ROW, succeeded=1, late=1, missed=2, lost=3, run_max=30, error="")
        await engine.activity.add([more])
        assert await engine.activity.read(MINUTE, START) == (ROW.plus(more),)

    async def test_counts_of_many_workers_are_added(self, engines: tuple[Roles, Roles]) -> None:
        rows = [replace(ROW, name=f"t{number}") for number in range(20)]
        turns = [
            each.activity.add(rows if number % 2 else rows[::-1])
            for number in range(5)
            for each in engines
        ]
        await asyncio.gather(*turns)
        found = await engines[0].activity.read(MINUTE, 0)
        assert {(row.succeeded, row.runs) for row in found} == {(30, 40)}
        assert len(found) == 20

    async def test_rows_come_latest_first(self, engine: Roles) -> None:
        rows = [replace(ROW, at=START + number * MINUTE) for number in range(4)]
        await engine.activity.add(rows)
        found = await engine.activity.read(MINUTE, 0, 3)
        assert [row.at for row in found] == [START + number * MINUTE for number in (3, 2, 1)]

    async def test_kinds_are_apart(self, engine: Roles) -> None:
        rows = (
            replace(ROW, kind="schedule", queue="", missed=1),
            replace(ROW, queue=""),
            replace(ROW, kind="worker", queue="", lost=1),
        )
        await engine.activity.add(rows)
        assert await engine.activity.read(MINUTE, 0) == rows

    async def test_totals_are_by_task(self, engine: Roles) -> None:
        hour = replace(ROW, span=HOUR)
        await engine.activity.add(
            [
                hour,
                replace(hour, queue="other", at=START + HOUR, run_max=50),
                replace(hour, name="rare", runs=1),
                replace(hour, kind="schedule"),
                replace(hour, at=START - HOUR),
                ROW,
            ]
        )
        often, rare = await engine.activity.totals(HOUR, START)
        both = replace(hour, queue="", error="", succeeded=6, failed=2, runs=8, run_sum=80)
        assert often == replace(both, run_max=50)
        assert (rare.name, rare.runs) == ("rare", 1)
        assert await engine.activity.totals(HOUR, START, 1) == (often,)

    async def test_old_rows_are_forgotten(self, engine: Roles) -> None:
        rows = [replace(ROW, at=START + number * MINUTE) for number in range(5)]
        await engine.activity.add([*rows, replace(ROW, span=HOUR)])
        assert await engine.activity.forget(MINUTE, START + 3 * MINUTE, 2) == 2
        assert await engine.activity.forget(MINUTE, START + 3 * MINUTE) == 1
        assert await engine.activity.forget(MINUTE, START + 3 * MINUTE) == 0
        assert len(await engine.activity.read(MINUTE, 0)) == 2
        assert len(await engine.activity.read(HOUR, 0)) == 1

    async def test_no_rows_are_no_write(self, engine: Roles) -> None:
        await engine.activity.add([])
        assert await engine.activity.read(MINUTE, 0) == ()
