"""Which occurrences a schedule makes, and which it gives up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dutiful.core import advance as a
from dutiful.core import misfire as late
from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND
from dutiful.core.occurrence import Advance, Due, Standing
from dutiful.core.retirement import retire
from dutiful.core.rule import Cron, Dates, Interval, RuleBounds
from dutiful.core.rule_history import FORMER_MAX
from dutiful.core.schedule import Schedule, occurrence_id, planned_between, read, written

START = 1_000 * DAY


def every(period: int = MINUTE, **fields: Any) -> Schedule:
    return replace(Schedule(name="s", task="t", rule=Interval(period)), **fields)


def turn(schedule: Schedule, standing: Standing, now: int, *live: str) -> Advance | None:
    return a.advance(Due(standing, live), now)


def moved(standing: Standing, move: Advance) -> Standing:
    """Apply a move as a store does."""
    return replace(
        standing,
        version=standing.version + 1,
        last=move.last,
        next=move.next,
        held=move.held,
        held_previous=move.held_previous,
    )


def made(move: Advance | None) -> list[int]:
    return [one.planned for one in move.occurrences if one.job] if move else []


def kinds(move: Advance | None) -> list[tuple[int, str]]:
    return [(one.planned - START, one.kind) for one in move.occurrences] if move else []


def test_nothing_is_made_before_its_time() -> None:
    schedule = every()
    assert turn(schedule, a.begin(schedule, START), START + MINUTE - 1) is None


def test_the_next_instant_comes_from_the_calendar_and_not_from_now() -> None:
    schedule = every()
    move = turn(schedule, a.begin(schedule, START), START + MINUTE + 700_000)
    assert move is not None
    assert (move.last, move.next) == (START + MINUTE, START + 2 * MINUTE)


def test_steps_of_the_clock_double_nothing_and_leave_nothing_uncounted() -> None:
    schedule = every()
    standing, found, missed, now = a.begin(schedule, START), list[int](), 0, START
    for step in (MINUTE, HOUR, -HOUR, -HOUR, HOUR, 30 * SECOND, HOUR, MINUTE, -DAY, DAY, MINUTE):
        now += step
        if (move := turn(schedule, standing, now)) is not None:
            found += made(move)
            missed += move.missed
            standing = moved(standing, move)
    assert len(set(found)) == len(found)
    assert standing.last == now - now % MINUTE
    assert len(found) + missed == (standing.last - START) // MINUTE


def test_several_timely_ones_are_all_made() -> None:
    schedule = every(100_000)
    move = turn(schedule, a.begin(schedule, START), START + SECOND)
    assert len(made(move)) == 10
    assert move is not None
    previous = [one.previous for one in move.occurrences]
    assert previous == [START + n * 100_000 for n in range(10)]


def test_a_long_list_is_made_in_parts() -> None:
    schedule = every(1000, late_after=HOUR)
    standing = a.begin(schedule, START)
    total: list[int] = []
    while move := turn(schedule, standing, START + 5 * SECOND):
        assert len(move.occurrences) <= late.MADE_MAX
        total += made(move)
        standing = moved(standing, move)
    assert total == [START + n * 1000 for n in range(1, 5001)]


@pytest.mark.parametrize(
    ("misfire", "expected", "missed"), [("skip", 0, 180), ("once", 1, 179), ("all", 100, 80)]
)
def test_after_hours_of_silence(misfire: Any, expected: int, missed: int) -> None:
    schedule = every(misfire=misfire)
    now = START + 3 * HOUR + 2 * MINUTE - 1
    move = turn(schedule, a.begin(schedule, START), now - 1)
    assert move is not None
    misfires = [at for at in made(move) if now - at > MINUTE]
    # The last minute's occurrence is timely, and is the one run that "once" asks for.
    timely = [at for at in made(move) if now - at <= MINUTE]
    assert len(timely) == 1
    assert len(misfires) == (0 if misfire == "once" else expected)
    assert move.missed == missed + (1 if misfire == "once" else 0)
    assert move.next == START + 3 * HOUR + 2 * MINUTE


def test_once_makes_the_newest_when_none_is_timely() -> None:
    schedule = every(DAY, rule=Interval(DAY, anchor=START))
    move = turn(schedule, a.begin(schedule, START), START + 3 * DAY + HOUR)
    assert made(move) == [START + 3 * DAY]
    assert kinds(move) == [(DAY, "missed"), (2 * DAY, "missed"), (3 * DAY, "enqueued")]
    assert move is not None
    assert (move.missed, move.missed_last) == (2, START + 2 * DAY)
    assert move.occurrences[-1].previous == START + 2 * DAY


def test_misfires_beyond_the_window_are_given_up() -> None:
    schedule = every(HOUR, misfire="all", misfire_window=3 * HOUR)
    move = turn(schedule, a.begin(schedule, START), START + DAY + 30 * MINUTE)
    assert made(move) == [START + DAY - 2 * HOUR, START + DAY - HOUR, START + DAY]
    assert move is not None
    assert move.missed == 21


def test_only_the_newest_misses_are_recorded_and_all_are_counted() -> None:
    schedule = every(SECOND, misfire="skip")
    move = turn(schedule, a.begin(schedule, START), START + DAY)
    assert move is not None
    assert [one.kind for one in move.occurrences].count("missed") == late.MISSES_MAX
    assert move.missed == late.COUNTED_MAX + 1


def test_what_was_due_while_paused_goes_by_the_misfire_rule() -> None:
    schedule = every(SECOND, misfire="skip")
    standing = a.paused(a.begin(schedule, START), START)
    assert standing is not None
    assert turn(schedule, standing, START + 20 * SECOND) is None
    resumed = a.resumed(standing, START + 20 * SECOND + 500_000)
    assert resumed is not None
    move = turn(schedule, resumed, START + 21 * SECOND)
    assert made(move) == [START + 21 * SECOND]


def test_a_resumption_before_the_clock_was_set_back_makes_nothing_of_the_future() -> None:
    schedule = every()
    standing = a.paused(a.begin(schedule, START), START + HOUR)
    assert standing is not None
    standing = a.resumed(standing, START + HOUR)
    assert standing is not None
    move = turn(schedule, standing, START + 2 * MINUTE)
    assert move is not None
    assert made(move) == [START + MINUTE, START + 2 * MINUTE]
    assert (move.missed, move.next) == (0, START + 3 * MINUTE)


def test_skip_makes_none_while_one_lives() -> None:
    schedule = every(overlap="skip")
    standing = a.begin(schedule, START)
    move = turn(schedule, standing, START + MINUTE, "job")
    assert kinds(move) == [(MINUTE, "skipped")]
    assert kinds(turn(schedule, standing, START + MINUTE)) == [(MINUTE, "enqueued")]


def test_skip_makes_one_of_several() -> None:
    schedule = every(10 * SECOND, overlap="skip")
    move = turn(schedule, a.begin(schedule, START), START + 25 * SECOND)
    assert [kind for _, kind in kinds(move)] == ["enqueued", "skipped"]


def test_queue_one_holds_the_latest() -> None:
    schedule = every(overlap="queue-one")
    standing = a.begin(schedule, START)
    for number in (1, 2):
        move = turn(schedule, standing, START + number * MINUTE, "job")
        assert move is not None
        standing = moved(standing, move)
    assert standing.held == START + 2 * MINUTE
    assert kinds(move) == [(MINUTE, "skipped")]
    assert turn(schedule, standing, START + 2 * MINUTE + 1, "job") is None
    freed = turn(schedule, standing, START + 2 * MINUTE + SECOND)
    assert freed is not None
    assert made(freed) == [START + 2 * MINUTE]
    assert (freed.held, freed.next, freed.last) == (None, standing.next, standing.last)


def test_a_held_one_comes_after_what_its_own_rule_planned() -> None:
    hourly, daily = every(HOUR, overlap="queue-one"), every(DAY, overlap="queue-one")
    standing = a.begin(hourly, START)
    for number in (1, 2, 3):
        move = turn(hourly, standing, START + number * HOUR, "job")
        assert move is not None
        standing = moved(standing, move)
    assert [one.previous for one in move.occurrences] == [START + HOUR]
    changed = a.change(standing, daily, START + 3 * HOUR + MINUTE)
    assert changed is not None
    by_an_older_release = replace(changed, held_previous=None)
    for stands, before in ((changed, START + 2 * HOUR), (by_an_older_release, START)):
        freed = turn(daily, stands, START + 3 * HOUR + 2 * MINUTE)
        assert freed is not None
        found = [(one.planned, one.previous) for one in freed.occurrences]
        assert (found, freed.held_previous) == ([(START + 3 * HOUR, before)], None)


def test_cancel_running_ends_what_lives_and_makes_the_latest() -> None:
    schedule = every(10 * SECOND, overlap="cancel-running")
    move = turn(schedule, a.begin(schedule, START), START + 20 * SECOND, "old", "older")
    assert move is not None
    assert move.cancel == ("old", "older")
    assert [kind for _, kind in kinds(move)] == ["skipped", "enqueued"]


def test_a_changed_rule_keeps_what_is_due_and_goes_on_by_the_new() -> None:
    standing = a.begin(every(), START)
    changed = a.change(standing, every(7 * SECOND), START + MINUTE + SECOND)
    assert changed is not None
    assert (changed.next, changed.version) == (START + MINUTE, standing.version + 1)
    move = turn(every(7 * SECOND), changed, START + MINUTE + SECOND)
    assert made(move) == [START + MINUTE]
    assert a.change(changed, every(7 * SECOND), START) is None


def test_each_instant_goes_by_the_rule_that_planned_it() -> None:
    old = every(HOUR, misfire="all", misfire_max=2)
    new = every(MINUTE, misfire="skip", priority=7)
    changed = a.change(a.begin(old, START), new, START + 4 * HOUR + SECOND)
    assert changed is not None
    move = turn(new, changed, START + 4 * HOUR + 90 * SECOND)
    assert move is not None
    assert made(move) == [START + 3 * HOUR, START + 4 * HOUR, START + 4 * HOUR + MINUTE]
    assert {one.job.priority for one in move.occurrences if one.job} == {7}
    assert [one.previous for one in move.occurrences][-1] == START + 4 * HOUR
    assert (move.missed, move.missed_last) == (2, START + 2 * HOUR)
    assert move.next == START + 4 * HOUR + 2 * MINUTE
    assert turn(new, moved(changed, move), START + 4 * HOUR + 90 * SECOND) is None


def test_one_run_makes_up_for_all_though_the_rule_has_changed() -> None:
    old, new = every(HOUR), every(MINUTE)
    changed = a.change(a.begin(old, START), new, START + 4 * HOUR + SECOND)
    assert changed is not None
    move = turn(new, changed, START + 4 * HOUR + 10 * SECOND)
    assert (made(move), move and move.missed) == ([START + 4 * HOUR], 3)
    move = turn(new, changed, START + 5 * HOUR)
    assert made(move) == [START + 5 * HOUR - MINUTE, START + 5 * HOUR]
    assert move is not None
    assert (move.missed, move.missed_last) == (4 + 58, START + 5 * HOUR - 2 * MINUTE)


def test_a_rule_that_was_changed_again_and_again_is_remembered_in_parts() -> None:
    standing, hour = replace(a.begin(every(HOUR), START), paused_at=START), START
    for number in range(2 * FORMER_MAX):
        hour += HOUR
        rule = every(HOUR, misfire_max=number + 1, misfire="skip")
        standing = a.change(standing, rule, hour) or standing
        assert a.change(standing, rule, hour) is None
    assert len(standing.spec) < 4000
    move = turn(every(), a.resumed(standing, hour + HOUR) or standing, hour + HOUR)
    assert move is not None
    assert (made(move), move.missed) == ([hour + HOUR], 2 * FORMER_MAX)


def test_what_was_dealt_with_is_not_remembered() -> None:
    changed = a.change(a.begin(every(), START), every(HOUR), START + MINUTE)
    assert changed is not None
    assert read(changed.spec).former is not None
    move = turn(every(), changed, START + MINUTE)
    assert move is not None
    again = a.change(moved(changed, move), every(DAY), START + 2 * MINUTE)
    assert again is not None
    assert again.spec == written(replace(every(DAY), born=START))


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.sampled_from(["skip", "once", "all"]), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_changes_neither_double_nor_lose_an_instant(steps: list[tuple[int, str, bool]]) -> None:
    standing, now = a.begin(every(), START), START
    planned, accounted, made_of = set[int](), 0, list[int]()
    period = 60
    for gap, misfire, looks in steps:
        schedule = every(period * SECOND, misfire=misfire)
        standing = a.change(standing, schedule, now) or standing
        planned |= set(planned_between(schedule, now + 1, now + gap * SECOND))
        now += gap * SECOND
        period = gap
        if looks and (move := turn(schedule, standing, now)) is not None:
            made_of += made(move)
            accounted += move.missed
            standing = moved(standing, move)
    move = turn(every(), standing, now)
    made_of += made(move)
    accounted += move.missed if move else 0
    assert len(made_of) == len(set(made_of))
    assert set(made_of) <= planned
    assert accounted + len(made_of) == len(planned)


def test_one_that_comes_back_begins_anew() -> None:
    ended = retire(a.begin(every(), START), START)
    assert ended is not None
    gone = ended.standing
    assert turn(every(), gone, START + DAY) is None
    back = a.change(gone, every(), START + DAY)
    assert back is not None
    assert (back.retired_at, back.next, back.since) == (None, START + DAY + MINUTE, START + DAY)


def test_a_schedule_ends() -> None:
    schedule = every(bounds=RuleBounds(end=START + 2 * MINUTE))
    standing = a.begin(schedule, START)
    move = turn(schedule, standing, START + 2 * MINUTE)
    assert move is not None
    assert made(move) == [START + MINUTE, START + 2 * MINUTE]
    assert move.next is None


def test_what_cannot_be_read_is_broken() -> None:
    standing = replace(a.begin(every(), START), spec=b'{"name":"s"}')
    with pytest.raises(BadSchedule, match="cannot be read"):
        turn(every(), standing, START + MINUTE)
    aside = a.give_up(Due(standing), "why", START)
    assert (aside.broken, aside.retry_at, aside.next) == ("why", START + MINUTE, standing.next)


def test_a_schedule_reads_back_as_it_was_written() -> None:
    schedule = every(
        rule=Cron("0 9 * * MON-FRI", "Europe/Berlin"),
        args='{"a":[1]}',
        tags=("x",),
        meta={"k": "v"},
    )
    assert read(written(schedule)) == schedule
    assert written(read(written(schedule))) == written(schedule)


def test_ids_are_those_of_their_instant() -> None:
    first = occurrence_id("s", START)
    assert first == occurrence_id("s", START)
    assert UUID(first).version == 8
    assert str(UUID(first)) == first
    assert first < occurrence_id("s", START + SECOND)
    assert len({occurrence_id("s", START + n) for n in range(1000)}) == 1000


PERIODS = st.sampled_from([100_000, SECOND, 7 * SECOND, MINUTE, HOUR])
STEPS = st.lists(st.integers(1, 3 * HOUR), min_size=1, max_size=12)


@given(PERIODS, STEPS, st.sampled_from(["skip", "once", "all"]))
def test_no_instant_is_made_twice_and_each_is_accounted_for(
    period: int, steps: list[int], misfire: Any
) -> None:
    schedule = every(period, misfire=misfire)
    standing, now = a.begin(schedule, START), START
    seen: list[int] = []
    for step in steps:
        now += step
        while move := turn(schedule, standing, now):
            seen += made(move)
            fits = [at for at in made(move) if at > now or (standing.last or 0) >= at]
            assert not fits
            standing = moved(standing, move)
        assert standing.next is not None
        assert standing.next > now
        assert standing.last == now // period * period or standing.last is None
    assert len(seen) == len(set(seen))


def test_dates_are_made_one_by_one() -> None:
    schedule = every(rule=Dates((START + 5, START + 9)))
    standing = a.begin(schedule, START)
    move = turn(schedule, standing, START + 7)
    assert move is not None
    assert (made(move), move.next) == ([START + 5], START + 9)
    last = turn(schedule, moved(standing, move), START + 9)
    assert last is not None
    assert last.next is None


def test_a_rule_that_changes_while_the_clock_is_set_back_makes_nothing_anew() -> None:
    schedule = every()
    standing = replace(a.begin(schedule, START), last=START + HOUR, next=START + HOUR + MINUTE)
    changed = a.change(standing, every(7 * SECOND), START)
    assert changed is not None
    assert changed.next is not None
    assert changed.next > START + HOUR
