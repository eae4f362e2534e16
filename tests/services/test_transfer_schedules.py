"""Schedules move between stores; whoever carries them may die at any step."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.contract.roles.transfer import SHUT
from dutiful.core.schedule import Schedule
from dutiful.engines.memory import MemoryEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.services.transfer_schedules import TransferredSchedules, names, transfer_schedules
from dutiful.testing import FakeClock
from dutiful.testing.conformance.schedule_moves import tick, turn
from tests.flat import ROLES

CALLS = ("dump_schedules", "fill_schedules", "reopen_schedules", "standings", "switch")


class Death(Exception):
    """The carrier is gone."""


class Mortal:
    """An engine before which its caller dies, just after so many calls of roles have been made."""

    def __init__(self, part: Any, budget: list[int]) -> None:
        """Stand in front of an engine or of one of its roles."""
        self._part = part
        self._budget = budget

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name in ROLES.values():
            return type(self)(found, self._budget)
        if name not in CALLS:
            return found

        async def call(*args: Any) -> Any:
            answer = await found(*args)
            self._budget[0] -= 1
            if self._budget[0] < 0:
                raise Death
            return answer

        return call


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def stores(clock: FakeClock, tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    engines = SqliteEngine(tmp_path / "jobs.db", clock=clock), MemoryEngine(clock)
    yield Store(engines[0]), Store(engines[1])
    await engines[0].close()


async def active(store: Store) -> set[str]:
    return {
        one.name
        for one in await store.schedules.standings()
        if one.paused_at is None and one.retired_at is None
    }


async def prepare(store: Store, clock: FakeClock) -> list[Schedule]:
    schedules = [tick(f"s{number:02}") for number in range(25)]
    for schedule in schedules:
        await store.schedules.put_schedule(schedule, replace=False)
    clock.advance("1m")
    engine: Any = store.engine
    await turn(engine)
    await store.schedules.switch(["s01"], "pause")
    return schedules


async def test_schedules_move_with_their_history(
    stores: tuple[Store, Store], clock: FakeClock
) -> None:
    source, target = stores
    before = {one.standing.name: one for one in await dumped(source, prepare, clock)}
    carried = await transfer_schedules(source, target)
    assert carried == TransferredSchedules(moved=tuple(sorted(before)))
    assert await names(source) == ()
    after = (await target.exporter.dump_schedules(100)).histories
    assert len(after) == 25
    for history in after:
        old = before[history.standing.name]
        # Their jobs alone know their states, and are not part of this.
        assert history.occurrences == tuple(replace(row, state=None) for row in old.occurrences)
        assert history.standing.next == old.standing.next
        assert history.standing.paused_at == old.standing.paused_at


async def dumped(store: Store, fill: Any, clock: FakeClock) -> Any:
    await fill(store, clock)
    return (await store.exporter.dump_schedules(100)).histories


async def test_whenever_the_carrier_dies_no_schedule_fires_in_both(
    stores: tuple[Store, Store], clock: FakeClock
) -> None:
    source, target = stores
    schedules = await prepare(source, clock)
    both = {one.name for one in schedules}
    deaths = 0
    while True:
        budget = [deaths]
        engines: list[Any] = [Mortal(store.engine, budget) for store in stores]
        mortal = [Store(engine) for engine in engines]
        try:
            await transfer_schedules(*mortal)
        except Death:
            deaths += 1
            assert not await active(source) & await active(target)
            assert {*await names(source), *await names(target)} == both
            continue
        break
    assert deaths > 5
    assert await names(source) == ()
    assert await active(target) == both - {"s01"}
    assert not any(one.paused_at == SHUT for one in await target.schedules.standings())


async def test_a_name_that_is_taken_stays_in_the_source(
    stores: tuple[Store, Store], clock: FakeClock
) -> None:
    source, target = stores
    await source.schedules.put_schedule(tick("a"), replace=False)
    await source.schedules.put_schedule(tick("b"), replace=False)
    await target.schedules.put_schedule(tick("a", priority=5), replace=False)
    assert await transfer_schedules(source, target) == TransferredSchedules(
        moved=("b",), kept=("a",)
    )
    assert await active(source) == {"a"}
    assert await active(target) == {"a", "b"}


async def test_what_changed_meanwhile_stays_in_the_source(
    stores: tuple[Store, Store], clock: FakeClock
) -> None:
    source, target = stores
    await source.schedules.put_schedule(tick("a"), replace=False)
    fill = target.importer.fill_schedules

    class Busy(Mortal):
        def __getattr__(self, name: str) -> Any:
            async def call(*given: Any) -> Any:
                await source.schedules.put_schedule(tick("a", priority=9), replace=True)
                return await fill(*given)

            return call if name == "fill_schedules" else super().__getattr__(name)

    engine: Any = Busy(target.engine, [1000])
    busy = Store(engine)
    assert await transfer_schedules(source, busy) == TransferredSchedules(kept=("a",))
    assert await active(source) == {"a"}
    assert await active(target) == set()
    assert await transfer_schedules(source, target) == TransferredSchedules(moved=("a",))
    assert await active(target) == {"a"}
