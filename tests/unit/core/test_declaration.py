"""What is written when an app declares its schedules, and when one is created at run time."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.core.advance import begin, switched
from dutiful.core.declaration import Showing, create, declare, show
from dutiful.core.declaration_version import ALIVE, REMEMBERED
from dutiful.core.errors import ScheduleTaken
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND
from dutiful.core.occurrence import DeclarationVersion, Standing
from dutiful.core.retirement import Missed, delete
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule

START = 1_000 * DAY
NOW = START + SECOND
EDITION = DeclarationVersion("new", 3, NOW, 1)
RULING = Showing(EDITION, (), rules=True, in_force=False, applied=7)


def every(name: str, period: int = MINUTE, **fields: Any) -> Schedule:
    return replace(Schedule(name=name, task="t", rule=Interval(period), app="shop"), **fields)


def held(*schedules: Schedule) -> dict[str, Standing]:
    return {one.name: begin(one, START) for one in schedules}


def test_the_first_edition_rules_and_its_schedules_are_to_be_written() -> None:
    assert show([], "a", NOW) == Showing(DeclarationVersion("a", 1, NOW), (), True, False, 1)


def test_an_edition_in_force_is_shown_again() -> None:
    known = [DeclarationVersion("a", 1, START, 4), DeclarationVersion("b", 2, START - DAY, 3)]
    assert show(known, "a", NOW) == Showing(DeclarationVersion("a", 1, NOW, 4), (), True, True, 5)


def test_an_older_edition_does_not_rule_and_is_not_in_force() -> None:
    known = [DeclarationVersion("a", 1, START, 4), DeclarationVersion("b", 2, START)]
    showing = show(known, "a", NOW)
    assert (showing.rules, showing.in_force) == (False, False)
    assert show(known, "a", START + ALIVE + 1).rules


def test_long_gone_editions_are_forgotten() -> None:
    gone = NOW - REMEMBERED - 1
    known = [
        DeclarationVersion("a", 1, gone, 4),
        DeclarationVersion("b", 2, gone, 3),
        DeclarationVersion("c", 3, gone + 1),
    ]
    assert show(known, "d", NOW).forgotten == ("b",)
    assert show(known, "b", NOW).forgotten == ()


def test_what_is_new_or_changed_is_written_in_the_order_of_the_declaration() -> None:
    known = held(every("same"), every("other"))
    plan = declare(RULING, "shop", [every("other", HOUR), every("new"), every("same")], known, NOW)
    assert [one.name for one in plan.written] == ["other", "new"]
    assert (plan.added, plan.retired, plan.missed) == (("new",), (), ())
    assert plan.written[1] == begin(every("new"), NOW)
    assert plan.declaration_version == replace(EDITION, applied=7)


def test_what_the_app_does_not_declare_is_retired_by_name() -> None:
    known = held(every("z"), every("a"), every("kept"))
    known["gone"] = replace(begin(every("gone"), START), retired_at=START)
    plan = declare(RULING, "shop", [every("kept")], known, START + 2 * MINUTE)
    assert [one.standing.name for one in plan.retired] == ["a", "z"]
    assert plan.missed == (
        Missed("a", START + 2 * MINUTE, 2),
        Missed("z", START + 2 * MINUTE, 2),
    )


def test_schedules_of_others_are_left_alone() -> None:
    known = held(every("theirs", app="bank"), every("by-hand", app=None))
    plan = declare(RULING, "shop", [], known, NOW)
    assert (plan.written, plan.retired) == ((), ())


def test_a_name_that_another_has_is_refused() -> None:
    known = held(every("theirs", app="bank"))
    with pytest.raises(ScheduleTaken):
        declare(RULING, "shop", [every("mine"), every("theirs")], known, NOW)


def test_a_schedule_is_created_once_and_replaced_when_asked() -> None:
    mine, other = every("s"), every("s", HOUR)
    (first,) = create(None, mine, START, replaces=False, adopts=False) or ()
    assert first == begin(mine, START)
    assert create(first, other, NOW, replaces=False, adopts=True) is None
    assert create(first, mine, NOW, replaces=True, adopts=False) == ()
    (second,) = create(first, other, NOW, replaces=True, adopts=False) or ()
    assert second.version == first.version + 1


def test_a_schedule_of_another_owner_is_adopted_only_when_asked() -> None:
    theirs = begin(every("s", app="bank"), START)
    with pytest.raises(ScheduleTaken):
        create(theirs, every("s"), NOW, replaces=True, adopts=False)
    (mine,) = create(theirs, every("s"), NOW, replaces=True, adopts=True) or ()
    assert mine.app == "shop"


def test_names_are_switched_once_and_in_their_order() -> None:
    known = held(every("a"), every("b"), every("c"))
    known["b"] = replace(known["b"], paused_at=START)
    names = ["c", "nobody", "a", "c", "b"]
    assert [one.name for one in switched(known, names, "pause", NOW)] == ["c", "a"]
    assert [one.name for one in switched(known, names, "resume", NOW)] == ["b"]


def test_names_are_deleted_once_with_what_they_leave_undone() -> None:
    known = held(every("a"), every("b", HOUR))
    found = delete(known, ["b", "a", "b", "nobody"], START + MINUTE)
    assert found == (("b", "a"), (Missed("a", START + MINUTE, 1),))
