"""Declaring schedules in code, by several versions of it at once; and deadlines of occurrences."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.contract.scheduling import KEPT_MAX
from dutiful.core.advance import give_up, make
from dutiful.core.edition import ALIVE, REMEMBERED
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.occurrence import Occurrence
from dutiful.core.outcome import Succeeded
from dutiful.core.rule import Bounds
from dutiful.core.state import State
from dutiful.testing.clock import FakeClock
from dutiful.testing.conformance.moves import FAILED, end, one
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.schedule import by_hand, standing, tick, turn
from dutiful.testing.conformance.setting import Contract, Engine


@requires(Capability.SCHEDULES, Capability.INSPECT)
class DeclareContract(Contract):
    """Holds `Scheduling.declare` and `Scheduling.review`."""

    async def test_a_declaration_adds_its_schedules(self, engine: Engine) -> None:
        answer = await engine.declare("shop", "e1", [tick("a", app="shop"), tick("b", app="shop")])
        assert (answer.rules, answer.applied) == (True, True)
        assert answer.changed == ("a", "b")
        assert {found.name for found in await engine.standings()} == {"a", "b"}

    async def test_declaring_again_changes_nothing(self, engine: Engine, clock: FakeClock) -> None:
        await engine.declare("shop", "e1", [tick("a", app="shop")])
        clock.advance("10s")
        answer = await engine.declare("shop", "e1", [tick("a", app="shop")])
        assert (answer.rules, answer.changed, answer.retired) == (True, (), ())
        assert (await standing(engine, "a")).version == 1

    async def test_a_newer_edition_changes_and_retires(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.declare("shop", "e1", [tick("a", app="shop"), tick("b", app="shop")])
        clock.advance("1m")
        await turn(engine)
        answer = await engine.declare("shop", "e2", [tick("a", app="shop", priority=7)])
        assert (answer.changed, answer.retired) == (("a",), ("b",))
        retired = await standing(engine, "b")
        assert (retired.retired_at, retired.next) == (clock.now(), None)
        assert len(await engine.occurrences("b", 10)) == 1
        clock.advance("1m")
        assert len(await turn(engine)) == 1

    async def test_an_older_edition_does_not_fight(self, engine: Engine, clock: FakeClock) -> None:
        await engine.declare("shop", "e1", [tick("a", app="shop")])
        await engine.declare("shop", "e2", [tick("a", app="shop", priority=7)])
        clock.advance("5s")
        answer = await engine.declare("shop", "e1", [tick("a", app="shop")])
        assert (answer.rules, answer.changed) == (False, ())
        assert (await standing(engine, "a")).version == 2
        assert not (await engine.declare("shop", "e1", None)).rules
        shown = await engine.declare("shop", "e2", None)
        assert (shown.rules, shown.applied) == (True, True)

    async def test_a_roll_back_rules_once_the_newer_is_gone(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.declare("shop", "e1", [tick("a", app="shop")])
        await engine.declare("shop", "e2", [])
        clock.advance(ALIVE / SECOND / 2)
        assert not (await engine.declare("shop", "e1", None)).rules
        clock.advance(ALIVE / SECOND / 2 + 1)
        shown = await engine.declare("shop", "e1", None)
        assert (shown.rules, shown.applied) == (True, False)
        answer = await engine.declare("shop", "e1", [tick("a", app="shop")])
        assert answer.changed == ("a",)
        found = await standing(engine, "a")
        assert (found.retired_at, found.since) == (None, clock.now())

    async def test_what_is_in_force_is_known_however_long_nobody_shows_it(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        for edition in ("e1", "e2"):
            await engine.declare("shop", edition, [tick("a", app="shop")])
        clock.advance(2 * REMEMBERED / SECOND)
        await engine.declare("bank", "f1", [])
        assert not (await engine.declare("shop", "e1", None)).applied
        clock.advance(ALIVE / SECOND + 1)
        shown = await engine.declare("shop", "e2", None)
        assert (shown.rules, shown.applied) == (True, True)

    async def test_other_apps_are_left_alone(self, engine: Engine) -> None:
        await engine.declare("shop", "e1", [tick("a", app="shop")])
        await engine.put_schedule(tick("by-hand"), replace=False)
        answer = await engine.declare("bank", "f1", [tick("z", app="bank")])
        assert (answer.changed, answer.retired) == (("z",), ())
        found = await engine.standings()
        assert [row.name for row in found if row.retired_at is None] == ["a", "by-hand", "z"]

    async def test_two_that_declare_at_once_agree(self, engines: tuple[Engine, Engine]) -> None:
        declared = [tick(f"s{number}", app="shop") for number in range(20)]
        answers = await asyncio.gather(
            *(engine.declare("shop", "e1", declared) for engine in engines)
        )
        assert sorted(len(answer.changed) for answer in answers) == [0, 20]

    async def test_a_change_still_makes_what_was_due(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.declare("shop", "e1", [tick("a", app="shop")])
        clock.advance("1m")
        due_at = clock.now()
        clock.advance("1s")
        await engine.declare(
            "shop", "e2", [tick("a", app="shop", bounds=Bounds(start=clock.now() + 9 * MINUTE))]
        )
        assert len(await turn(engine)) == 1
        (row,) = await engine.occurrences("a", 10)
        assert row.planned == due_at
        assert (await standing(engine, "a")).next == due_at + 10 * MINUTE

    async def test_a_job_that_does_not_start_is_told_of_once(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.put_schedule(tick(start_within=30 * SECOND), replace=False)
        clock.advance("1m")
        await turn(engine)
        clock.advance("30s")
        assert await engine.review(10) == ()
        clock.advance("1s")
        (late,) = await engine.review(10)
        assert (late.what, late.occurrence.schedule) == ("start", "tick")
        assert late.occurrence.state is State.QUEUED
        assert await engine.review(10) == ()

    async def test_a_job_that_does_not_end_is_told_of_once(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.put_schedule(tick(start_within=None, finish_within=MINUTE), replace=False)
        clock.advance("1m")
        await turn(engine)
        claim = await one(engine)
        clock.advance("61s")
        (late,) = await engine.review(10)
        assert late.what == "finish"
        assert await end(engine, claim, Succeeded(b"1"))
        assert await engine.review(10) == ()

    async def test_history_outlives_its_jobs(self, engine: Engine, clock: FakeClock) -> None:
        await engine.put_schedule(tick(), replace=False)
        clock.advance("1m")
        await turn(engine)
        claim = await one(engine)
        clock.advance("5s")
        assert await end(engine, claim, Succeeded(b"1"))
        assert await engine.review(10) == ()
        assert await engine.purge([claim.job.id]) == (claim.job.id,)
        (row,) = await engine.occurrences("tick", 10)
        assert row.state is State.SUCCEEDED
        assert row.started_at is not None
        assert row.finished_at == row.started_at + 5 * SECOND

    async def test_of_two_who_review_one_is_told(
        self, engines: tuple[Engine, Engine], clock: FakeClock
    ) -> None:
        await engines[0].put_schedule(tick(start_within=SECOND), replace=False)
        clock.advance("1m")
        await turn(engines[0])
        clock.advance("2s")
        answers = await asyncio.gather(*(engine.review(10) for engine in engines))
        assert sum(len(answer) for answer in answers) == 1

    async def test_what_starts_late_is_told_of_even_if_it_has_started(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.put_schedule(tick(start_within=SECOND), replace=False)
        clock.advance("1m")
        await turn(engine)
        clock.advance("2s")
        await one(engine)
        (late,) = await engine.review(10)
        assert (late.what, late.occurrence.state) == ("start", State.RUNNING)
        assert await engine.review(10) == ()

    async def test_a_retry_does_not_count_as_a_late_start(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.put_schedule(tick(start_within=SECOND), replace=False)
        clock.advance("1m")
        await turn(engine)
        claim = await one(engine)
        assert await engine.review(10) == ()
        assert await end(engine, claim, FAILED)
        clock.advance("1m")
        assert (await one(engine)).job.attempt == 2
        assert await engine.review(10) == ()

    async def test_a_limit_leaves_the_rest_for_the_next_review(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        for name in ("a", "b"):
            late = tick(name, start_within=SECOND, finish_within=SECOND)
            await engine.put_schedule(late, replace=False)
        clock.advance("1m")
        await turn(engine)
        clock.advance("2s")
        told = [(await engine.review(limit)) for limit in (1, 2, 10, 10)]
        found = [[(late.occurrence.schedule, late.what) for late in answer] for answer in told]
        assert found[0] == [("a", "start")]
        assert sorted(found[1] + found[2]) == [("a", "finish"), ("b", "finish"), ("b", "start")]
        assert found[3] == []

    async def test_a_purged_job_closes_its_occurrence(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.put_schedule(tick(start_within=MINUTE), replace=False)
        clock.advance("1m")
        (job_id,) = await turn(engine)
        await engine.cancel([job_id])
        await engine.purge([job_id])
        clock.advance("2m")
        assert await engine.review(10) == ()
        (row,) = await engine.occurrences("tick", 10)
        assert (row.job_id, row.state) == (job_id, None)

    async def test_a_held_one_in_trouble_is_left_until_its_time(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.put_schedule(tick(overlap="queue-one"), replace=False)
        for _ in range(2):
            clock.advance("1m")
            await turn(engine)
        (due,) = (await engine.due(10)).due
        await engine.advance([give_up(due, "no zone data", clock.now())])
        assert (await engine.due(10)).due == ()
        clock.advance("1m")
        assert len((await engine.due(10)).due) == 1

    async def test_a_job_that_is_there_already_is_not_made_again(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        for made in (1, 0):
            await engine.put_schedule(tick(bounds=Bounds(start=clock.now())), replace=False)
            found = await standing(engine)
            occurrence = make(tick(), clock.now(), None)
            answer = await engine.advance([by_hand(found, occurrences=(occurrence,))])
            assert len(answer.made) == made
            await engine.switch(["tick"], "delete")
        assert (await engine.tally())["enqueued"] == 1

    async def test_only_the_newest_occurrences_are_kept(
        self, engine: Engine, clock: FakeClock
    ) -> None:
        await engine.put_schedule(tick(), replace=False)
        start = clock.now() - 10_000 * MINUTE
        for part in (range(KEPT_MAX), range(KEPT_MAX, KEPT_MAX + 5)):
            skipped = [
                Occurrence(planned=start + at * MINUTE, kind="skipped", why="so") for at in part
            ]
            found = await standing(engine)
            await engine.advance([by_hand(found, occurrences=tuple(skipped))])
        rows = await engine.occurrences("tick", 2 * KEPT_MAX)
        assert [row.number for row in rows] == list(range(KEPT_MAX + 5, 5, -1))
