"""Keeping the store small."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.core.instant import HOUR
from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.core.unique import unique
from dutiful.testing.conformance.moves import (
    add,
    end,
    everything,
    kill,
    new,
    one,
    recorded,
    records,
)
from dutiful.testing.conformance.requires import needs_advance, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.PRUNE, Capability.INSPECT)
class PruneContract(Contract):
    """Holds the role `Retention`."""

    @needs_advance("2h")
    async def test_jobs_that_ended_long_ago_are_deleted(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await kill(engine)
        clock.advance("2h")
        assert await engine.retention.prune(State.DEAD, HOUR, 10) == 1
        assert await engine.inspector.get([job_id]) == ()

    @needs_advance("1h0.000001s")
    async def test_jobs_exactly_as_old_as_the_retention_stay(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await kill(engine)
        clock.advance("1h")
        assert await engine.retention.prune(State.DEAD, HOUR, 10) == 0
        clock.advance("1us")
        assert await engine.retention.prune(State.DEAD, HOUR, 10) == 1

    @needs_advance("1h0.000001s")
    async def test_they_stay_also_when_older_ones_are_deleted(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await kill(engine)
        clock.advance("1us")
        stays = await kill(engine)
        clock.advance("1h")
        assert await engine.retention.prune(State.DEAD, HOUR, 10) == 1
        assert [job.id for job in await everything(engine)] == [stays]

    @needs_advance("10h")
    async def test_the_age_counts_from_the_end_of_the_job(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        claim = await one(engine)
        clock.advance("10h")
        await end(engine, claim, Succeeded())
        assert await engine.retention.prune(State.SUCCEEDED, HOUR, 10) == 0

    @needs_advance("2h")
    async def test_only_the_named_state_is_pruned(self, engine: Roles, clock: SuiteClock) -> None:
        dead = await kill(engine)
        await add(engine)
        await end(engine, await one(engine), Succeeded())
        clock.advance("2h")
        assert await engine.retention.prune(State.SUCCEEDED, HOUR, 10) == 1
        assert [job.id for job in await everything(engine)] == [dead]

    @needs_advance("41d16h")
    async def test_live_jobs_are_never_pruned(self, engine: Roles, clock: SuiteClock) -> None:
        await add(engine)
        await one(engine)
        await add(engine)
        clock.advance("1000h")
        for state in State:
            assert await engine.retention.prune(state, 0, 10) == 0

    @needs_advance("1h3s")
    async def test_no_more_than_the_limit_is_pruned_oldest_first(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        ids: list[str] = []
        for _ in range(3):
            ids.append(await kill(engine))
            clock.advance("1s")
        clock.advance("1h")
        assert await engine.retention.prune(State.DEAD, 0, 2) == 2
        assert [job.id for job in await everything(engine)] == ids[2:]
        assert await engine.retention.prune(State.DEAD, 0, 2) == 1
        assert await engine.retention.prune(State.DEAD, 0, 2) == 0

    @needs_advance("1s")
    async def test_errors_and_steps_go_with_their_job(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await kill(engine)
        clock.advance("1s")
        await engine.retention.prune(State.DEAD, 0, 10)
        assert await engine.inspector.errors(job_id) == ()
        assert await engine.inspector.steps(job_id) == {}

    @requires(Capability.STEPS)
    @needs_advance("2h")
    async def test_errors_and_steps_of_other_jobs_stay(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        old = await recorded(engine)
        clock.advance("2h")
        young = await recorded(engine)
        assert await engine.retention.prune(State.DEAD, HOUR, 10) == 1
        assert await records(engine, old) == (0, 0)
        assert await records(engine, young) == (1, 1)

    @needs_advance("1s")
    async def test_the_pruned_are_counted(self, engine: Roles, clock: SuiteClock) -> None:
        for _ in range(3):
            await kill(engine)
        clock.advance("1s")
        await engine.retention.prune(State.DEAD, 0, 2)
        assert await engine.inspector.tally() == {"enqueued": 3, "pruned": 2, "purged": 0}

    @requires(Capability.UNIQUE)
    @needs_advance("1s")
    async def test_a_pruned_job_gives_its_unique_key_back(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        rule = unique("digest", period=24 * HOUR)
        await engine.producer.enqueue([new(unique=rule)])
        await end(engine, await one(engine), Succeeded())
        clock.advance("1s")
        await engine.retention.prune(State.SUCCEEDED, 0, 10)
        assert (await engine.producer.enqueue([new(unique=rule)]))[0].created

    @needs_advance("1s")
    async def test_two_pruners_at_once_count_each_job_once(
        self, engines: tuple[Roles, Roles], clock: SuiteClock
    ) -> None:
        for _ in range(10):
            await kill(engines[0])
        clock.advance("1s")
        counts = await asyncio.gather(
            *(engines[turn % 2].retention.prune(State.DEAD, 0, 4) for turn in range(6))
        )
        assert sum(counts) == 10
        assert (await engines[0].inspector.tally())["pruned"] == 10
