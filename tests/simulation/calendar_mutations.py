"""Bugs in how schedules are kept and advanced, each of which the simulation must catch."""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec.structs import replace

from dutiful.engines.memory.scheduling import MemoryScheduling

from .mutations import mutation

_ENGINE = "dutiful.engines.memory.scheduling"


@mutation(_ENGINE, "_admits")
def _two_may_advance_a_schedule(original: Any) -> Any:
    def admits(before: Any, move: Any) -> bool:
        return original(replace(before, version=move.version), move)

    return admits


@mutation("dutiful.core.advance", "planned_after")
def _an_occurrence_is_passed_over(original: Any) -> Any:
    return lambda schedule, instant: original(schedule, instant + 1_000_000)


@mutation(_ENGINE, "rules")
def _every_edition_rules(original: Any) -> Any:
    return lambda editions, digest, now: True


@mutation(_ENGINE, "_moved")
def _a_held_occurrence_is_forgotten(original: Any) -> Any:
    return lambda before, move, number: replace(original(before, move, number), held=None)


@mutation(MemoryScheduling, "_live")
def _overlap_is_not_looked_for(original: Any) -> Any:
    return lambda self, standing: ()


@mutation(_ENGINE, "_active")
def _paused_schedules_are_due(original: Any) -> Any:
    return lambda one: one.retired_at is None


@mutation("dutiful.core.misfire", "_count")
def _misfires_are_not_counted(original: Any) -> Any:
    return lambda schedule, first, end: (0, deque())


@mutation("dutiful.core.advance", "retired")
def _retired_schedules_go_on(original: Any) -> Any:
    return lambda standing, now: replace(standing, version=standing.version + 1)
