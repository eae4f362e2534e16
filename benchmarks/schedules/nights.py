"""What Dutiful and other schedulers do on the nights on which the clocks change.

    pip install dutiful croniter cronsim apscheduler celery crontab
    python -m benchmarks.schedules.nights            # the table for New York
    python -m benchmarks.schedules.nights --judge    # each against the oracle, in the hard zones

A library that is not installed is named and left out. Each is driven by its own public interface.
Celery's beat is asked once a minute whether the entry is due, as its scheduler does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo

Planner = Callable[[str, str, datetime, datetime], list[datetime]]

EXPRESSIONS = ["30 1 * * *", "30 2 * * *", "0 0 * * *", "0 * * * *", "*/30 * * * *"]
NIGHTS = {
    "autumn, 2026-11-01, 00:00 EDT to 04:00 EST": (
        datetime(2026, 11, 1, 4, tzinfo=UTC),
        datetime(2026, 11, 1, 9, tzinfo=UTC),
    ),
    "spring, 2027-03-14, 00:00 EST to 05:00 EDT": (
        datetime(2027, 3, 14, 5, tzinfo=UTC),
        datetime(2027, 3, 14, 9, tzinfo=UTC),
    ),
}
# More than any expression of this page can want within the hours that are looked at.
ENOUGH = 5000
YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def dutiful(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    from dutiful.core.instant import instant, moment
    from dutiful.core.rule import Cron, between

    found = between(Cron(expression, zone), instant(start) - 1, instant(end) - 1, ENOUGH)
    return [moment(at) for at in found]


def cronsim(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    from cronsim import CronSim

    return until(iter(CronSim(expression, before(start, zone))), end)


def croniter(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    from croniter import croniter

    found = croniter(expression, before(start, zone))
    return until(iter(lambda: found.get_next(datetime), None), end)


def apscheduler(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(expression, timezone=ZoneInfo(zone))
    found: list[datetime] = []
    now, previous = before(start, zone), None
    while len(found) < ENOUGH:
        # The scheduler asks for the next time with the last one and the time that it is.
        following = trigger.get_next_fire_time(previous, now)
        if following is None or following.astimezone(UTC) >= end:
            break
        found.append(following.astimezone(UTC))
        previous, now = following, following
    return found


def celery(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    from celery import Celery
    from celery.schedules import crontab

    app = Celery(set_as_current=False)
    app.conf.timezone = zone
    clock = [start]
    minute, hour, day, month, weekday = expression.split()
    entry = crontab(
        minute=minute,
        hour=hour,
        day_of_month=day,
        month_of_year=month,
        day_of_week=weekday,
        nowfun=lambda: clock[0].astimezone(ZoneInfo(zone)),
        app=app,
    )
    found: list[datetime] = []
    last = before(start, zone)
    while clock[0] < end:
        if entry.is_due(last)[0]:
            found.append(clock[0])
            last = clock[0].astimezone(ZoneInfo(zone))
        clock[0] += timedelta(minutes=1)
    return found


def crontab(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    from crontab import CronTab

    entry = CronTab(expression)
    now, found = before(start, zone), []
    while len(found) < ENOUGH:
        following = entry.next(now, default_utc=False, return_datetime=True)
        if following is None or following.astimezone(UTC) >= end:
            break
        found.append(following.astimezone(UTC))
        now = following
    return found


PLANNERS: dict[str, Planner] = {
    "dutiful": dutiful,
    "cronsim": cronsim,
    "croniter": croniter,
    "apscheduler": apscheduler,
    "celery": celery,
    "crontab": crontab,
}


def before(start: datetime, zone: str) -> datetime:
    return (start - timedelta(seconds=1)).astimezone(ZoneInfo(zone))


def until(moments, end: datetime) -> list[datetime]:
    found: list[datetime] = []
    for moment in moments:
        if moment.astimezone(UTC) >= end or len(found) == ENOUGH:
            break
        found.append(moment.astimezone(UTC))
    return found


def installed() -> dict[str, str]:
    found = {}
    for name in PLANNERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            print(f"{name} is not installed; pip install {name}")
    return found


def table(names: dict[str, str]) -> None:
    zone = ZoneInfo("America/New_York")
    for title, (start, end) in NIGHTS.items():
        print(f"\n{title}, New York\n")
        print("| | " + " | ".join(f"`{text}`" for text in EXPRESSIONS) + " |")
        print("|---" * (len(EXPRESSIONS) + 1) + "|")
        for name, number in names.items():
            cells = []
            for text in EXPRESSIONS:
                found = PLANNERS[name](text, zone.key, start, end)
                times = [each.astimezone(zone).strftime("%H:%M %Z") for each in found]
                cells.append(", ".join(times) if len(times) < 4 else f"{len(times)} runs")
            print(f"| {name} {number} | " + " | ".join(cells) + " |")


def judge(names: dict[str, str]) -> None:
    from tests.properties.schedules.expressions import NASTY
    from tests.properties.schedules.oracle import Expression, Walk, nights, planned
    from tests.properties.schedules.test_nights import HARD

    texts = [text for text in NASTY if not text.startswith("@")]
    wrong = dict.fromkeys(names, 0)
    refused = dict.fromkeys(names, 0)
    first: dict[str, str] = {}
    total = 0
    for zone in HARD:
        for night in nights(zone, *YEAR):
            hours, margin = timedelta(hours=8), timedelta(hours=2)
            walk = Walk(zone, night - hours, night + hours, timedelta(minutes=1))
            start, end = walk.start + margin, walk.end - margin
            for text in texts:
                total += 1
                expected = [at for at in planned(Expression(text), walk) if start <= at < end]
                for name in names:
                    try:
                        found = PLANNERS[name](text, zone, start, end)
                    except Exception as error:  # noqa: BLE001 - each library refuses in its own way
                        refused[name] += 1
                        first.setdefault(f"{name} refuses", f"{text}: {error}")
                        continue
                    if found != expected:
                        wrong[name] += 1
                        first.setdefault(
                            f"{name} errs", f"{text} in {zone} around {night:%Y-%m-%d}"
                        )
    print(f"\n{total} pairs of a night and an expression, in {len(HARD)} zones, in 2026\n")
    print("| | other than the oracle | refused |\n|---|---|---|")
    for name, number in names.items():
        print(f"| {name} {number} | {wrong[name]} | {refused[name]} |")
    for what, where in first.items():
        print(f"- {what}: {where}")


if __name__ == "__main__":
    found = installed()
    table(found)
    if "--judge" in sys.argv:
        judge(found)
