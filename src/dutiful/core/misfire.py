"""Which of the instants that are due are made, and which came too late."""

from __future__ import annotations

from collections import deque
from itertools import islice

import msgspec
from msgspec.structs import replace

from .occurrence import Standing
from .rule_history import following, in_course
from .schedule import Schedule, planned_before_or_at, planned_between

MADE_MAX = 1000
"""How many occurrences of one schedule are made in one step; the rest follow in the next."""
MISSES_MAX = 10
"""How many of the misfires that are not made up for are recorded, the newest, one by one."""
COUNTED_MAX = 2_000
"""Up to how many misfires are counted."""


class MisfirePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The planned instants that are due: those to make, and those that are given up."""

    first: int
    """The earliest planned instant that this plan deals with."""
    make: tuple[int, ...] = ()
    misses: tuple[int, ...] = ()
    """The newest of them."""
    missed: int = 0
    """How many there are, counted up to `COUNTED_MAX`."""
    last: int
    """The latest planned instant that this plan deals with."""


def plan_due(latest: Schedule, standing: Standing, now: int) -> list[tuple[Schedule, MisfirePlan]]:
    """Sort the instants that are due into those to make and those to give up.

    There is one plan for each form of the schedule that planned some of them, oldest first; all
    but the last are of rules that were changed before a worker handled what was due.
    """
    plans: list[tuple[Schedule, MisfirePlan]] = []
    first = standing.next
    while first is not None and first <= now:
        schedule, until = in_course(latest, first)
        end = now if until is None else min(now, until)
        plan = _plan(schedule, first, end, standing.since, now)
        if plans and plan.make:
            plans = [_without_makeup(one, standing.since, now) for one in plans]
        plans.append((schedule, plan))
        if until is None or len(plan.make) >= MADE_MAX:
            break
        first = following(latest, plan.last)
    return plans


def give_up_due(latest: Schedule, standing: Standing, now: int) -> tuple[list[int], int]:
    """Return the newest instants that are due, for nothing is to be made of them; and the number.

    That is counted up to `COUNTED_MAX` for each form of the schedule.
    """
    misses, missed, first = deque[int](maxlen=MISSES_MAX), 0, standing.next
    while first is not None and first <= now:
        schedule, until = in_course(latest, first)
        end = now if until is None else min(now, until)
        # None of them is in time.
        plan = _plan(replace(schedule, misfire="skip", late_after=-1), first, end, now, now)
        misses.extend(plan.misses)
        missed += plan.missed
        first = following(latest, plan.last)
    return list(misses), missed


def _without_makeup(
    planned: tuple[Schedule, MisfirePlan], since: int, now: int
) -> tuple[Schedule, MisfirePlan]:
    """Leave out the run that makes up for all misfires: a later rule has made one."""
    schedule, plan = planned
    if schedule.misfire != "once":
        return planned
    skipping = replace(schedule, misfire="skip")
    return schedule, _plan(skipping, plan.first, plan.last, since, now)


def _plan(schedule: Schedule, first: int, end: int, since: int, now: int) -> MisfirePlan:
    """Sort the instants of one rule, from the first that is due to the end of its time."""
    # Planned before this is a misfire: late, or from before the schedule was resumed.
    fresh = now - schedule.late_after
    if since <= now:  # else the clock was set back since
        fresh = max(fresh, since)
    timely: list[int] = []
    if first >= fresh:
        timely.append(first)
    start = max(first + 1, fresh)
    timely += islice(planned_between(schedule, start, end), MADE_MAX - len(timely))
    if first >= fresh:
        return MisfirePlan(first=first, make=tuple(timely), last=timely[-1])
    found = planned_before_or_at(schedule, min(fresh - 1, end))
    newest = first if found is None else max(first, found)
    return _with_misfires(schedule, first, newest, timely, now)


def _with_misfires(
    schedule: Schedule, first: int, newest: int, timely: list[int], now: int
) -> MisfirePlan:
    made = _made_up_for(schedule, first, newest, timely, now)
    end = (made[0] if made else newest + 1) - 1
    misses = deque[int](maxlen=MISSES_MAX)
    missed = 0
    if first <= end:
        missed, misses = _count(schedule, first, end)
    make = (*made, *timely)[:MADE_MAX]
    last = make[-1] if make else newest
    return MisfirePlan(first=first, make=make, misses=tuple(misses), missed=missed, last=last)


def _made_up_for(
    schedule: Schedule, first: int, newest: int, timely: list[int], now: int
) -> list[int]:
    """Return the misfires that the schedule's rule makes up for, oldest first."""
    oldest = first
    if schedule.misfire_window is not None:
        oldest = max(oldest, now - schedule.misfire_window)
    if schedule.misfire == "skip" or newest < oldest:
        return []
    if schedule.misfire == "once":
        # One run makes up for all, and a timely one is that run.
        return [] if timely else [newest]
    found = [newest]
    while len(found) < schedule.misfire_max:
        earlier = planned_before_or_at(schedule, found[-1] - 1)
        if earlier is None or earlier < oldest:
            break
        found.append(earlier)
    if found[-1] != first and oldest <= first and len(found) < schedule.misfire_max:
        found.append(first)  # due by an older rule
    return found[::-1]


def _count(schedule: Schedule, first: int, end: int) -> tuple[int, deque[int]]:
    """Count the misfires from the first one that is due, and keep the newest."""
    missed = 1 + sum(1 for _ in islice(planned_between(schedule, first + 1, end), COUNTED_MAX))
    misses = deque[int](maxlen=MISSES_MAX)
    at = planned_before_or_at(schedule, end)
    while at is not None and at > first and len(misses) < MISSES_MAX - 1:
        misses.appendleft(at)
        at = planned_before_or_at(schedule, at - 1)
    misses.appendleft(first)
    return missed, misses
