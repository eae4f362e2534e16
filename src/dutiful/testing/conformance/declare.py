"""Declaring schedules in code, also by several versions of the code at the same time."""

from __future__ import annotations

import asyncio

from dutiful.client.known_occurrences import KnownOccurrences, known_occurrences
from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.roles.schedule_store import KEPT_MAX
from dutiful.core.advance import advance, give_up, make
from dutiful.core.declaration_version import ALIVE, REMEMBERED
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.occurrence import Occurrence
from dutiful.core.retirement import WHY, Missed
from dutiful.core.rule import Interval, RuleBounds
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.schedule import by_hand
from dutiful.testing.conformance.schedule_moves import standing, tick, turn
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.SCHEDULES, Capability.INSPECT)
@needs_step
class DeclareContract(Contract):
    """Holds `Scheduling.declare`, and what else is kept of schedules."""

    async def test_a_declaration_adds_its_schedules(self, engine: Roles) -> None:
        answer = await engine.schedules.declare(
            "shop", "e1", [tick("a", app="shop"), tick("b", app="shop")]
        )
        assert (answer.rules, answer.applied) == (True, True)
        assert answer.changed == answer.added == ("a", "b")
        assert {found.name for found in await engine.schedules.standings()} == {"a", "b"}

    async def test_declaring_again_changes_nothing(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        before = await standing(engine, "a")
        clock.advance("10s")
        answer = await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        assert (answer.rules, answer.changed, answer.retired) == (True, (), ())
        assert await standing(engine, "a") == before

    async def test_a_newer_version_changes_and_retires(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.declare("shop", "e1", [tick("a", app="shop"), tick("b", app="shop")])
        clock.advance("1m")
        await turn(engine)
        answer = await engine.schedules.declare("shop", "e2", [tick("a", app="shop", priority=7)])
        assert (answer.changed, answer.added, answer.retired) == (("a",), (), ("b",))
        retired = await standing(engine, "b")
        assert (retired.retired_at, retired.next) == (clock.now(), None)
        assert len(await engine.schedules.occurrences("b", 10)) == 1
        clock.advance("1m")
        assert len(await turn(engine)) == 1

    async def test_what_a_retired_one_leaves_undone_is_recorded(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        held = tick("a", app="shop", overlap="queue-one")
        await engine.schedules.declare("shop", "e1", [held, tick("b", app="shop")])
        start = clock.now()
        for _ in range(2):
            clock.advance("1m")
            await turn(engine)
        clock.advance("1m")
        assert (await engine.schedules.declare("shop", "e1", None)).missed == ()
        answer = await engine.schedules.declare("shop", "e2", [tick("b", app="shop")])
        assert answer.missed == (Missed("a", start + 3 * MINUTE, 2),)
        rows = await engine.schedules.occurrences("a", 10)
        assert [(row.kind, row.why, row.number) for row in rows] == [
            ("missed", WHY, 3),
            ("missed", WHY, 2),
            ("enqueued", None, 1),
        ]
        found = await standing(engine, "a")
        assert (found.held, found.next, found.number) == (None, None, 3)
        assert (await engine.schedules.declare("shop", "e2", [tick("b", app="shop")])).missed == ()

    async def test_an_older_version_does_not_fight(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        await engine.schedules.declare("shop", "e2", [tick("a", app="shop", priority=7)])
        before = await standing(engine, "a")
        clock.advance("5s")
        answer = await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        assert (answer.rules, answer.changed) == (False, ())
        assert await standing(engine, "a") == before
        assert not (await engine.schedules.declare("shop", "e1", None)).rules
        shown = await engine.schedules.declare("shop", "e2", None)
        assert (shown.rules, shown.applied) == (True, True)

    async def test_a_roll_back_rules_once_the_newer_is_gone(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        await engine.schedules.declare("shop", "e2", [])
        clock.advance(ALIVE / SECOND / 2)
        assert not (await engine.schedules.declare("shop", "e1", None)).rules
        clock.advance(ALIVE / SECOND / 2 + 1)
        shown = await engine.schedules.declare("shop", "e1", None)
        assert (shown.rules, shown.applied) == (True, False)
        answer = await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        assert answer.changed == ("a",)
        found = await standing(engine, "a")
        assert (found.retired_at, found.since) == (None, clock.now())

    async def test_what_is_in_force_is_known_however_long_nobody_shows_it(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        for declaration_version in ("e1", "e2"):
            await engine.schedules.declare("shop", declaration_version, [tick("a", app="shop")])
        clock.advance(2 * REMEMBERED / SECOND)
        await engine.schedules.declare("bank", "f1", [])
        assert not (await engine.schedules.declare("shop", "e1", None)).applied
        clock.advance(ALIVE / SECOND + 1)
        shown = await engine.schedules.declare("shop", "e2", None)
        assert (shown.rules, shown.applied) == (True, True)

    async def test_other_apps_are_left_alone(self, engine: Roles) -> None:
        await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        await engine.schedules.put_schedule(tick("by-hand"), replace=False)
        answer = await engine.schedules.declare("bank", "f1", [tick("z", app="bank")])
        assert (answer.changed, answer.retired) == (("z",), ())
        found = await engine.schedules.standings()
        assert [row.name for row in found if row.retired_at is None] == ["a", "by-hand", "z"]

    async def test_two_that_declare_at_once_agree(self, engines: tuple[Roles, Roles]) -> None:
        declared = [tick(f"s{number}", app="shop") for number in range(20)]
        answers = await asyncio.gather(
            *(engine.schedules.declare("shop", "e1", declared) for engine in engines)
        )
        assert sorted(len(answer.changed) for answer in answers) == [0, 20]

    async def test_a_change_still_makes_what_was_due(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.declare("shop", "e1", [tick("a", app="shop")])
        clock.advance("1m")
        due_at = clock.now()
        clock.advance("1s")
        await engine.schedules.declare(
            "shop", "e2", [tick("a", app="shop", bounds=RuleBounds(start=clock.now() + 9 * MINUTE))]
        )
        assert len(await turn(engine)) == 1
        (row,) = await engine.schedules.occurrences("a", 10)
        assert row.planned == due_at
        assert (await standing(engine, "a")).next == due_at + 10 * MINUTE

    async def test_each_instant_goes_by_the_rule_that_planned_it(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        old = tick("a", app="shop", misfire="all", misfire_max=2)
        await engine.schedules.declare("shop", "e1", [old])
        start = clock.now()
        clock.advance("4m")
        await engine.schedules.declare(
            "shop", "e2", [tick("a", app="shop", rule=Interval(30 * SECOND))]
        )
        clock.advance("1m")
        assert not (await engine.schedules.declare("shop", "e2", None)).changed
        await turn(engine)
        rows = [
            (row.planned - start, row.kind) for row in await engine.schedules.occurrences("a", 10)
        ]
        assert rows == [
            (300 * SECOND, "enqueued"),
            (270 * SECOND, "enqueued"),
            (240 * SECOND, "enqueued"),
            (180 * SECOND, "enqueued"),
            (120 * SECOND, "enqueued"),
            (60 * SECOND, "missed"),
        ]

    async def test_a_held_one_in_trouble_is_left_until_its_time(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(overlap="queue-one"), replace=False)
        for _ in range(2):
            clock.advance("1m")
            await turn(engine)
        (due,) = (await engine.schedules.due(10)).due
        await engine.schedules.advance([give_up(due, "no zone data", clock.now())])
        assert (await engine.schedules.due(10)).due == ()
        clock.advance("1m")
        assert len((await engine.schedules.due(10)).due) == 1

    async def test_a_job_that_is_there_already_is_not_made_again(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        for made in (1, 0):
            await engine.schedules.put_schedule(
                tick(bounds=RuleBounds(start=clock.now())), replace=False
            )
            found = await standing(engine)
            occurrence = make(tick(), clock.now(), None)
            answer = await engine.schedules.advance([by_hand(found, occurrences=(occurrence,))])
            assert len(answer.made) == made
            await engine.schedules.delete_schedules(["tick"])
        assert (await engine.inspector.tally())["enqueued"] == 1

    async def test_only_the_newest_occurrences_are_kept(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        start = clock.now() - 10_000 * MINUTE
        for part in (range(KEPT_MAX), range(KEPT_MAX, KEPT_MAX + 5)):
            skipped = [
                Occurrence(planned=start + at * MINUTE, kind="skipped", why="so") for at in part
            ]
            found = await standing(engine)
            await engine.schedules.advance([by_hand(found, occurrences=tuple(skipped))])
        rows = await engine.schedules.occurrences("tick", 2 * KEPT_MAX)
        assert [row.number for row in rows] == list(range(KEPT_MAX + 5, 5, -1))

    async def test_it_is_known_up_to_when_records_are_forgotten(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        start = clock.now() - 10_000 * MINUTE
        known = list[int | None]()
        found = KnownOccurrences(frozenset(), None)
        for part in (range(5), range(5, KEPT_MAX), range(KEPT_MAX, KEPT_MAX + 5)):
            clock.advance("1s")
            skipped = [
                Occurrence(planned=start - at * MINUTE, kind="skipped", why="so") for at in part
            ]
            move = by_hand(await standing(engine), occurrences=tuple(skipped))
            await engine.schedules.advance([move])
            found = await known_occurrences(
                Store(engine.engine), await standing(engine), clock.now()
            )
            known.append(found.forgotten)
        assert known == [None, None, clock.now() - SECOND]
        assert len(found.planned) == KEPT_MAX

    async def test_a_move_of_a_deleted_namesake_is_refused(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        batch = await engine.schedules.due(10)
        await engine.schedules.delete_schedules(["tick"])
        await engine.schedules.put_schedule(tick(rule=Interval(7 * SECOND)), replace=False)
        move = advance(batch.due[0], batch.now)
        assert move is not None
        assert not (await engine.schedules.advance([move])).accepted
        assert (await engine.schedules.standings())[0].number == 0
