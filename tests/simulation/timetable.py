"""The schedules that simulated workers declare, in two declaration versions, and when they must
fire."""

from __future__ import annotations

from dutiful.client.app_protocol import AppProtocol
from dutiful.client.schedules import DeclaredSchedules
from dutiful.core.rule import Cron, Interval
from dutiful.core.schedule import Schedule

from . import tasks as t

OLD_BEAT, BEAT, ALONE, QUEUED = 1_100_000, 900_000, 2_500_000, 3_000_000
CRON_PERIODS = {"*/5 * * * * *": 5_000_000, "*/2 * * * * *": 2_000_000}
"""The only cron expressions of these worlds: what they mean needs no reader."""


def declared(host: AppProtocol, *, older: bool) -> DeclaredSchedules:
    """Declare what a process of one version or the other declares."""
    found = DeclaredSchedules(host)
    quick, slow = t.quick, t.slow
    found.decorator(Interval(OLD_BEAT if older else BEAT), {"name": "beat", "args": (0.05,)})(quick)
    found.decorator(
        Interval(ALONE), {"name": "alone", "args": (1.0,), "overlap": "skip", "start_within": 1.0}
    )(slow)
    if older:
        found.decorator(Interval(2_000_000), {"name": "gone", "args": (0.02,)})(quick)
        return found
    found.decorator(Cron("*/5 * * * * *"), {"name": "second", "args": (0.01,), "misfire": "all"})(
        quick
    )
    found.decorator(
        Interval(QUEUED),
        {"name": "queued", "args": (1.6,), "overlap": "queue-one", "finish_within": 3.0},
    )(slow)
    return found


def beat(schedule: Schedule) -> tuple[int, int]:
    """Return the period of a schedule and its phase."""
    rule = schedule.rule
    if isinstance(rule, Interval):
        return rule.period, rule.anchor
    assert isinstance(rule, Cron)
    return CRON_PERIODS[rule.expression], 0


def instants(schedule: Schedule, after: int, until: int) -> list[int]:
    """Walk a schedule's instants one by one, apart from the product's own arithmetic."""
    period, phase = beat(schedule)
    if schedule.bounds.end is not None:
        until = min(until, schedule.bounds.end)
    at = after - (after - phase) % period
    found = []
    while at <= until:
        if at > after:
            found.append(at)
        at += period
    return found


def following(schedule: Schedule, after: int) -> int | None:
    """Return the first instant after another; None when the schedule has ended."""
    return next(iter(instants(schedule, after, after + beat(schedule)[0])), None)
