"""What a schedule leaves undone when its app declares it no more."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from dutiful.core.advance import begin, change
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND
from dutiful.core.misfire import MISSES_MAX
from dutiful.core.retirement import Missed, Retirement, retire
from dutiful.core.rule import Cron, Interval
from dutiful.core.schedule import Schedule, written

START = 1_000 * DAY


def every(period: int = MINUTE, **fields: Any) -> Schedule:
    return replace(Schedule(name="s", task="t", rule=Interval(period)), **fields)


def planned(ended: Retirement | None) -> list[int]:
    return [one.planned - START for one in ended.occurrences] if ended else []


def test_one_that_owes_nothing_leaves_no_record() -> None:
    ended = retire(begin(every(), START), START + SECOND)
    assert ended is not None
    assert (ended.occurrences, ended.missed) == ((), None)
    assert (ended.standing.next, ended.standing.retired_at) == (None, START + SECOND)
    assert retire(ended.standing, START + HOUR) is None


def test_a_held_occurrence_and_what_was_due_are_missed() -> None:
    standing = replace(begin(every(), START), held=START - MINUTE)
    ended = retire(standing, START + 2 * MINUTE + SECOND)
    assert ended is not None
    assert planned(ended) == [-MINUTE, MINUTE, 2 * MINUTE]
    assert {(one.kind, one.why, one.job) for one in ended.occurrences} == {
        ("missed", "its schedule was retired", None)
    }
    assert ended.missed == Missed("s", START + 2 * MINUTE, 3)
    assert (ended.standing.held, ended.standing.last) == (None, START + 2 * MINUTE)


def test_the_newest_are_recorded_and_all_counted_by_the_rules_that_planned_them() -> None:
    changed = change(begin(every(misfire="all"), START), every(HOUR), START + HOUR)
    assert changed is not None
    ended = retire(changed, START + 3 * HOUR)
    assert ended is not None
    assert ended.missed == Missed("s", START + 3 * HOUR, 60 + 2)
    assert planned(ended)[-3:] == [HOUR, 2 * HOUR, 3 * HOUR]
    assert len(planned(ended)) == MISSES_MAX


def test_a_broken_one_is_retired_too() -> None:
    broken = replace(every(), rule=Cron("0 9 * * *", "Europe/Berlin"))
    spec = written(broken).replace(b"Berlin", b"Nowhere")
    standing = replace(begin(every(), START), spec=spec)
    ended = retire(standing, START + DAY)
    assert ended is not None
    assert (planned(ended), ended.missed) == ([MINUTE], Missed("s", START + MINUTE, 1))
    mended = change(standing, every(), START + DAY)
    assert mended is not None
    assert (mended.spec, mended.next) == (written(every()), START + MINUTE)
