"""Bugs in how schedules are kept and advanced, each of which the simulation must catch."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any

from msgspec.structs import replace

from dutiful.core.retirement import Retirement
from dutiful.engines.memory.scheduling import MemorySchedules

from .mutations import mutation

_ENGINE = "dutiful.engines.memory.scheduling"


@mutation(_ENGINE, "admits")
def _two_may_advance_a_schedule(original: Any) -> Any:
    def admits(before: Any, move: Any) -> bool:
        return original(replace(before, version=move.version), move)

    return admits


@mutation("dutiful.core.advance", "planned_after")
def _an_occurrence_is_passed_over(original: Any) -> Any:
    return lambda schedule, instant: original(schedule, instant + 1_000_000)


@mutation("dutiful.core.declaration", "rules")
def _every_edition_rules(original: Any) -> Any:
    return lambda declaration_versions, digest, now: True


@mutation(_ENGINE, "moved")
def _a_held_occurrence_is_forgotten(original: Any) -> Any:
    return lambda before, move, number: replace(original(before, move, number), held=None)


@mutation(MemorySchedules, "_live")
def _overlap_is_not_looked_for(original: Any) -> Any:
    return lambda self, standing: ()


@mutation(_ENGINE, "active")
def _paused_schedules_are_due(original: Any) -> Any:
    return lambda one: one.retired_at is None


@mutation("dutiful.core.misfire", "_count")
def _misfires_are_not_counted(original: Any) -> Any:
    return lambda schedule, first, end: (0, deque())


@mutation("dutiful.core.declaration", "retire")
def _retired_schedules_go_on(original: Any) -> Any:
    return lambda standing, now: Retirement(replace(standing, version=standing.version + 1))


@mutation("dutiful.core.retirement", "_undone")
def _what_was_due_at_retirement_is_forgotten(original: Any) -> Any:
    return lambda standing, now: ([], 0)


@mutation("dutiful.core.advance", "resumed")
def _resume_forgets_since(original: Any) -> Any:
    def resumed(standing: Any, now: int) -> Any:
        found = original(standing, now)
        return None if found is None else replace(found, since=standing.since)

    return resumed


@mutation("dutiful.core.misfire", "_made_up_for")
def _bounds_of_misfires_are_ignored(original: Any) -> Any:
    def made_up_for(schedule: Any, *rest: Any) -> Any:
        return original(replace(schedule, misfire_max=1000, misfire_window=None), *rest)

    return made_up_for


@mutation("dutiful.core.misfire", "_plan")
def _a_resumption_of_the_future_counts(original: Any) -> Any:
    def plan(schedule: Any, first: int, end: int, since: int, now: int) -> Any:
        late = min(schedule.late_after, now - since)
        return original(replace(schedule, late_after=late), first, end, since, now)

    return plan


@mutation("dutiful.core.advance", "_Overlap")
def _skip_is_forgotten(original: Any) -> Any:
    class Forgetful(original):  # type: ignore[misc]  # whatever it is
        def _skip(self, planned: int, previous: int | None, why: str) -> None:
            self._make(planned, previous)

    return Forgetful


@mutation("dutiful.core.declaration", "change")
def _a_change_forgets_what_is_held(original: Any) -> Any:
    def change(standing: Any, schedule: Any, now: int) -> Any:
        found = original(standing, schedule, now)
        return None if found is None else replace(found, held=None, held_previous=None)

    return change


@mutation("dutiful.core.schedule", "occurrence_id")
def _an_occurrence_made_anew_has_another_job(original: Any) -> Any:
    made = count()
    return lambda name, planned, born: original(f"{name}{next(made)}", planned, born)


@mutation(MemorySchedules, "_note")
def _what_is_recorded_is_recorded_again(original: Any) -> Any:
    def note(self: Any, name: str, one: Any, number: int) -> Any:
        self.tables.histories.get(name, {}).pop(one.planned, None)
        return original(self, name, one, number)

    return note


@mutation(MemorySchedules, "delete_schedules")
def _what_is_deleted_leaves_its_history(original: Any) -> Any:
    async def delete(self: Any, names: Any) -> Any:
        kept = dict(self.tables.histories)
        found = await original(self, names)
        self.tables.histories.update(kept)
        return found

    return delete


@mutation(MemorySchedules, "delete_schedules")
def _what_is_deleted_drops_what_it_held(original: Any) -> Any:
    async def delete(self: Any, names: Any) -> Any:
        return replace(await original(self, names), missed=())

    return delete


@mutation("dutiful.core.advance", "born_of")
def _a_change_begins_another_life(original: Any) -> Any:
    return lambda spec: None


@mutation("dutiful.client.by_hand", "staying")
def _a_run_by_hand_moves_the_schedule(original: Any) -> Any:
    return lambda standing: replace(original(standing), last=standing.next)


@mutation("dutiful.core.overdue", "overdue")
def _who_is_late_is_told_of_once_it_has_ended(original: Any) -> Any:
    return lambda one, now: original(one, now) if one.finished_at else ()
