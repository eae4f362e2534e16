"""The schedules of a world: mostly daily, weekly and monthly ones, where the clocks are hard."""

from __future__ import annotations

import random
from datetime import datetime

from msgspec.structs import replace

from dutiful.core.rule import Calendar, Cron, Interval, Rule, RuleBounds
from dutiful.core.schedule import MISFIRES, Schedule

from .almanac import DAY, HOUR, QUARTER

ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Europe/Dublin",
    "Antarctica/Troll",
)
_CALENDARS = (
    "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;BYHOUR=2;BYMINUTE=30",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=0",
)


def plan(name: str, app: str, rng: random.Random) -> Schedule:
    """Draw a schedule."""
    zone = rng.choice(ZONES)
    excludes = rng.random() < 0.08
    return Schedule(
        name=name,
        task="work",
        rule=_rule(zone, rng),
        bounds=RuleBounds(holidays=("DE", "US")[: rng.randint(1, 2)], zone=zone)
        if excludes
        else RuleBounds(),
        misfire=rng.choice(MISFIRES),
        misfire_max=rng.choice((1, 5, 100)),
        misfire_window=rng.choice((None, None, 6 * HOUR, 3 * DAY)),
        late_after=rng.choice((1, 1, 5, 60)) * HOUR // 60,
        overlap=rng.choices(("allow", "skip", "queue-one"), (90, 5, 5))[0],
        start_within=None,
        app=app,
    )


def changed(schedule: Schedule, rng: random.Random) -> Schedule:
    """Draw what a deploy makes of a schedule: another rule, now and then only another misfire."""
    other = plan(schedule.name, schedule.app or "", rng)
    if rng.random() < 0.3:
        return replace(schedule, misfire=other.misfire, misfire_max=other.misfire_max)
    return other


def _rule(zone: str, rng: random.Random) -> Rule:
    minute = rng.choice((0, 15, 30, 45))
    # Most clocks change in these hours.
    hour = rng.choice((0, 1, 2, 3, 23, rng.randrange(24)))
    shape = rng.choices(
        ("daily", "weekly", "monthly", "twice", "hourly", "beat", "interval", "calendar"),
        (55, 20, 10, 2, 1, 2, 6, 4),
    )[0]
    match shape:
        case "daily":
            return Cron(f"{minute} {hour} * * *", zone)
        case "weekly":
            return Cron(f"{minute} {hour} * * {rng.choice((0, 0, 6, rng.randrange(7)))}", zone)
        case "monthly":
            return Cron(f"{minute} {hour} {rng.randint(1, 31)} * *", zone)
        case "twice":
            return Cron(f"{minute} {hour // 2},{12 + hour // 2} * * *", zone)
        case "hourly":
            return Cron(f"{minute} * * * *", zone)
        case "beat":
            return Cron(f"{minute} */{rng.choice((4, 6, 12))} * * *", zone)
        case "interval":
            period = rng.choice((5, 6, 12, 24, 36)) * HOUR
            return Interval(period, anchor=rng.randrange(20) * QUARTER)
        case _:
            start = datetime(2009, 1, 1)  # noqa: DTZ001 - on the clocks of the zone
            return Calendar(rng.choice(_CALENDARS), zone, start)
