"""The state machine of `model`, with schedules that make the jobs."""

from collections.abc import Coroutine, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from msgspec.structs import replace

from dutiful.contract.roles.transfer import ScheduleHistory
from dutiful.core.advance import advance, give_up, make
from dutiful.core.errors import ScheduleTaken
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.occurrence import Advance, Recorded
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule, read
from dutiful.core.state import FINAL, State
from dutiful.testing.conformance.schedule import by_hand
from dutiful.testing.conformance.shut import OTHER
from tests.conformance.model import EngineMachine

NAMES = ("s1", "s2", "s3")

picked_names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)
schedules = st.builds(
    Schedule,
    name=st.sampled_from(NAMES),
    task=st.just("t"),
    rule=st.sampled_from([Interval(5 * SECOND), Interval(MINUTE)]),
    queue=st.just("a"),
    overlap=st.sampled_from(["allow", "skip", "queue-one", "cancel-running"]),
    misfire=st.sampled_from(["skip", "once", "all"]),
    late_after=st.sampled_from([SECOND, MINUTE]),
    jitter=st.sampled_from([0, 3 * SECOND]),
    start_within=st.sampled_from([None, 4 * SECOND]),
    finish_within=st.sampled_from([None, 4 * SECOND, MINUTE]),
)


class ScheduleMachine(EngineMachine):
    """Subclasses say how the engine beside memory is made."""

    def __init__(self) -> None:
        super().__init__()
        self.moves: list[list[Advance]] = []

    # Without their marks these are no rules any more: nobody else enqueues.

    def enqueue(self, wished: list[dict[str, Any]]) -> None:
        raise NotImplementedError

    def enqueue_again(self, pick: int) -> None:
        raise NotImplementedError

    def enqueue_like(self, pick: int) -> None:
        """Enqueue nothing while a job runs."""

    @rule(schedule=schedules, again=st.booleans())
    def put(self, schedule: Schedule, again: bool) -> None:
        self.both(
            lambda engine: unless_taken(engine.schedules.put_schedule(schedule, replace=again))
        )

    @rule(
        by=st.sampled_from(["0s", "1s", "5s", "1m"]),
        limit=st.sampled_from([1, 10, 10]),
        late=st.booleans(),
    )
    def turn(self, by: str, limit: int, late: bool) -> None:
        self.clock.advance(by)
        batch = self.both(lambda engine: engine.schedules.due(limit))
        moves = [move for one in batch.due if (move := advance(one, batch.now)) is not None]
        self.moves.append(moves)
        if not late:
            self.write(moves)

    @precondition(lambda self: self.moves)
    @rule(pick=st.integers(0, 3))
    def write_late(self, pick: int) -> None:
        self.write(self.moves[-1 - pick % len(self.moves)])

    @rule(limit=st.sampled_from([1, 10]))
    def give_up(self, limit: int) -> None:
        batch = self.both(lambda engine: engine.schedules.due(limit))
        self.write([give_up(one, "no zone data", batch.now) for one in batch.due])

    @rule(names=picked_names, ago=st.integers(-1, 3))
    def make_by_hand(self, names: list[str], ago: int) -> None:
        found = self.both(lambda engine: engine.schedules.standings(names))
        planned = (self.clock.now() // MINUTE - ago) * MINUTE
        self.write(
            [
                by_hand(one, occurrences=(make(read(one.spec), planned, None, backfilled=True),))
                for one in found
            ]
        )

    def write(self, moves: Sequence[Advance]) -> None:
        answer = self.both(lambda engine: engine.schedules.advance(moves))
        self.ids += answer.made

    @rule()
    def outlive(self) -> None:
        """End the jobs that do not run and delete all that have ended: occurrences outlive them."""
        self.both(lambda engine: engine.controller.cancel(self.ids))
        self.clock.advance("1us")
        for state in FINAL:
            self.both(lambda engine, state=state: engine.retention.prune(state, 0, 100))

    @rule(names=picked_names, how=st.sampled_from(["pause", "resume", "resume"]))
    def switch(self, names: list[str], how: str) -> None:
        self.both(lambda engine: engine.schedules.switch(names, how))

    @rule(
        declaration_version=st.sampled_from(["e1", "e1", "e2"]),
        declared=st.none() | st.lists(schedules, max_size=2, unique_by=lambda one: one.name),
    )
    def declare(self, declaration_version: str, declared: list[Schedule] | None) -> None:
        ours = declared and [replace(one, app="shop") for one in declared]
        self.both(
            lambda engine: unless_taken(engine.schedules.declare("shop", declaration_version, ours))
        )

    @rule(names=picked_names)
    def delete(self, names: list[str]) -> None:
        self.both(lambda engine: engine.schedules.delete_schedules(names))

    @rule(by=st.sampled_from(["5s", "0s", "1m"]))
    def review(self, by: str) -> None:
        self.clock.advance(by)
        for _ in range(2):  # what is told once is not told again
            ours, theirs = (
                [(one.what, shown(one.occurrence)) for one in self.do(engine.schedules.review(100))]
                for engine in (self.memory, self.engine)
            )
            assert theirs == ours

    @rule(names=picked_names)
    def carry(self, names: list[str]) -> None:
        """Read schedules out, delete them, and fill them in again."""
        held = [one for one in self.histories(self.memory) if one.standing.name in names]
        self.both(lambda engine: engine.schedules.delete_schedules(names))
        self.both(lambda engine: engine.importer.fill_schedules(held, OTHER))
        self.both(lambda engine: engine.importer.reopen_schedules(names, OTHER))

    def histories(self, engine: Any) -> tuple[ScheduleHistory, ...]:
        page = self.do(engine.exporter.dump_schedules(100))
        return tuple(
            ScheduleHistory(one.standing, tuple(shown(row) for row in one.occurrences))
            for one in page.histories
        )

    @invariant()
    def same_schedules(self) -> None:
        ours, theirs = self.histories(self.memory), self.histories(self.engine)
        assert theirs == ours
        for one in ours:
            rows = self.both(lambda engine, name=one.standing.name: history(engine, name))
            assert tuple(rows) == one.occurrences[::-1]


async def unless_taken(call: Coroutine[Any, Any, Any]) -> Any:
    """Return what a call returns, or whose the schedule is by which it is refused."""
    try:
        return await call
    except ScheduleTaken as refused:
        return refused.taken


async def history(engine: Any, name: str) -> list[Recorded]:
    return [shown(row) for row in await engine.schedules.occurrences(name, 2000)]


def shown(one: Recorded) -> Recorded:
    """A job that is due is as good as queued: staging may be lazy."""
    waits = one.state in (State.SCHEDULED, State.WAITING)
    return replace(one, state=State.QUEUED) if waits else one
