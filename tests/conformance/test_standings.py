"""Every engine looks at a schedule, and takes a move of it, where the core says so."""

import itertools
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from dutiful.contract.roles.transfer import ScheduleHistory
from dutiful.core.advance import begin, staying
from dutiful.core.instant import HOUR, MINUTE
from dutiful.core.occurrence import Occurrence, Standing
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.core.standing import active, admits, holds, look_at, moved
from tests.conformance.effects import NOW, Stores

TIMES = (None, NOW - MINUTE, NOW, NOW + MINUTE)


def standings() -> Iterator[Standing]:
    """Schedules in every position that decides."""
    rule = Interval(HOUR)
    parts = itertools.product(TIMES, TIMES, (None, NOW - HOUR), (None, NOW - HOUR), TIMES)
    for place, (due, held, paused, retired, retry) in enumerate(parts):
        one = begin(Schedule(name=f"s{place:04d}", task="t", rule=rule), NOW - HOUR)
        yield replace(
            one,
            number=5,
            last=NOW - 2 * HOUR,
            next=due,
            held=held,
            held_previous=held and held - HOUR,
            paused_at=paused,
            retired_at=retired,
            broken=retry and "as it was",
            retry_at=retry,
        )


def filled(stores: Stores) -> dict[str, Standing]:
    given = list(standings())
    histories = [ScheduleHistory(one) for one in given]
    names = [one.name for one in given]
    assert len(stores.do(stores.engine.importer.fill_schedules(histories, "other")).stored) == len(
        given
    )
    stores.do(stores.engine.importer.reopen_schedules(names, "other"))
    kept = {one.name: one for one in stores.do(stores.engine.schedules.standings(names))}
    assert [replace(kept[one.name], version=one.version) for one in given] == given
    return kept


def test_a_schedule_is_looked_at_when_core_says(stores: Stores) -> None:
    kept = filled(stores)
    for at in (NOW, NOW + 2 * MINUTE):
        stores.clock.step((at - stores.clock.now()) / 1_000_000)
        going = [one for one in kept.values() if active(one)]
        looks = [(when, one) for one in going if (when := look_at(one)) is not None]
        ready = [one for when, one in sorted(looks, key=_by_time) if when <= at]
        waits = [one for one in going if holds(one, at) and one not in ready]
        batch = stores.do(stores.engine.schedules.due(1000))
        waits.sort(key=lambda one: (one.held, one.name))
        assert [due.standing for due in batch.due] == [*ready, *waits]
        assert batch.next_in == min((when - at for when, _ in looks if when > at), default=None)


def _by_time(look: tuple[int, Standing]) -> tuple[int, str]:
    return look[0], look[1].name


@pytest.mark.parametrize("behind", [0, 1])
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_move_is_taken_when_core_says(stores: Stores, behind: int, by_hand: bool) -> None:
    kept = filled(stores)
    moves = [
        replace(
            staying(one),
            version=one.version - behind,
            by_hand=by_hand,
            last=NOW,
            next=NOW + HOUR,
            held=NOW - 2,
            held_previous=NOW - 3,
            broken="it broke",
            retry_at=NOW + 7,
            occurrences=(Occurrence(planned=NOW, kind="skipped", why="for a test"),),
        )
        for one in kept.values()
    ]
    taken = [move for move in moves if admits(kept[move.name], move)]
    answer = stores.do(stores.engine.schedules.advance(moves))
    assert sorted(answer.accepted) == [move.name for move in taken]
    expected = {**kept, **{move.name: moved(kept[move.name], move, 6) for move in taken}}
    after = stores.do(stores.engine.schedules.standings(list(kept)))
    assert {one.name: one for one in after} == expected
