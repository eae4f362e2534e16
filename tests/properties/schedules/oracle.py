"""What a cron expression plans, found by walking: slow, plain, and written from the rule's text.

It imports nothing of the product. The rule:

- A clock on the wall of the zone is watched, minute by minute (second by second for six fields).
- A wall time is wanted when each field fits; of the two day fields both must fit when one of them
  begins with a star, else either.
- An expression is fixed when neither its minute nor its hour begins with a star. A wanted time of a
  fixed expression runs once: at its first pass when the clock shows it twice, and when the clock
  never shows it, at the first moment after the stretch that was left out, together with whatever
  else runs then.
- Any other expression runs whenever the clock shows a wanted time.
- ``missing`` and ``repeated`` ask for something else by name.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = ["", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEK = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
TOPS = {"second": 59, "minute": 59, "hour": 23, "day": 31, "month": 12, "weekday": 6}


class Expression:
    """A cron expression that can only say whether it wants one wall time."""

    def __init__(self, text: str) -> None:
        parts = NAMED.get(text, text).split()
        self.seconds = len(parts) == 6
        second, minute, hour, self.day, self.month, self.weekday = (
            parts if self.seconds else ["0", *parts]
        )
        self.fixed = minute[0] != "*" and hour[0] != "*"
        # Reading a term for each minute of a walk is too slow; a table of each field is not.
        self.second = {n for n in range(60) if fits(second, n, "second")}
        self.minute = {n for n in range(60) if fits(minute, n, "minute")}
        self.hour = {n for n in range(24) if fits(hour, n, "hour")}
        self.days: dict[tuple[int, int, int], bool] = {}

    def wants(self, wall: datetime) -> bool:
        if (
            wall.minute not in self.minute
            or wall.hour not in self.hour
            or wall.second not in self.second
        ):
            return False
        day = (wall.year, wall.month, wall.day)
        if day not in self.days:
            self.days[day] = self.wants_day(*day)
        return self.days[day]

    def wants_day(self, year: int, month: int, day: int) -> bool:
        if not fits(self.month, month, "month"):
            return False
        length = calendar.monthrange(year, month)[1]
        by_month = any(
            day == length
            if term == "L"
            else day == last_working_day(year, month)
            if term == "LW"
            else fits(term, day, "day")
            for term in self.day.split(",")
        )
        by_week = any(
            fits_weekday(term, year, month, day, length) for term in self.weekday.split(",")
        )
        starred = self.day[0] == "*" or self.weekday[0] == "*"
        return (by_month and by_week) if starred else (by_month or by_week)


def fits(text: str, value: int, field: str) -> bool:
    return any(fits_term(term, value, field) for term in text.split(","))


def fits_term(term: str, value: int, field: str) -> bool:
    body, _, step = term.partition("/")
    bottom = 1 if field in ("day", "month") else 0
    if body == "*":
        low, high = bottom, TOPS[field]
    elif "-" in body:
        low, high = (number(part, field) for part in body.split("-"))
    else:
        low = number(body, field)
        high = TOPS[field] if step else low
    return low <= value <= high and (value - low) % int(step or 1) == 0


def fits_weekday(term: str, year: int, month: int, day: int, length: int) -> bool:
    today = (calendar.weekday(year, month, day) + 1) % 7
    if "#" in term:
        name, which = term.split("#")
        return number(name, "weekday") % 7 == today and (day - 1) // 7 + 1 == int(which)
    if term.endswith("L"):
        return number(term[:-1], "weekday") % 7 == today and day + 7 > length
    return fits_term(term, today, "weekday") or (today == 0 and fits_term(term, 7, "weekday"))


def number(text: str, field: str) -> int:
    if field == "month" and text in MONTHS:
        return MONTHS.index(text)
    if field == "weekday" and text in WEEK:
        return WEEK.index(text)
    return int(text)


def last_working_day(year: int, month: int) -> int:
    day = calendar.monthrange(year, month)[1]
    while calendar.weekday(year, month, day) > 4:
        day -= 1
    return day


class Walk:
    """The wall clock of a zone, watched from one moment to another at an even step."""

    def __init__(self, zone: str, start: datetime, end: datetime, step: timedelta) -> None:
        self.start, self.end, self.step = start, end, step
        local = ZoneInfo(zone)
        count = (end - start) // step
        self.moments = [start + step * n for n in range(count)]
        self.walls = [moment.astimezone(local).replace(tzinfo=None) for moment in self.moments]
        self.first: dict[datetime, datetime] = {}
        self.last: dict[datetime, datetime] = {}
        self.left_out: list[tuple[datetime, datetime]] = []
        highest = self.walls[0]
        for moment, wall in zip(self.moments, self.walls, strict=True):
            self.first.setdefault(wall, moment)
            self.last[wall] = moment
            # Only beyond the highest wall yet shown can a time have been left out.
            while highest + step < wall:
                highest += step
                self.left_out.append((highest, moment))
            highest = max(highest, wall)


def planned(
    expression: Expression, walk: Walk, missing: str | None = None, repeated: str | None = None
) -> list[datetime]:
    """Return every moment of a walk at which the expression runs."""
    missing = missing or ("after" if expression.fixed else "skip")
    repeated = repeated or ("first" if expression.fixed else "both")
    return sorted(set(_shown(expression, walk, repeated)) | set(_late(expression, walk, missing)))


def _shown(expression: Expression, walk: Walk, repeated: str) -> Iterator[datetime]:
    for moment, wall in zip(walk.moments, walk.walls, strict=True):
        if expression.wants(wall):
            if repeated == "first":
                yield walk.first[wall]
            elif repeated == "last":
                yield walk.last[wall]
            else:
                yield moment


def _late(expression: Expression, walk: Walk, missing: str) -> Iterator[datetime]:
    if missing == "after":
        yield from (moment for wall, moment in walk.left_out if expression.wants(wall))


def nights(zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Return the hours after which a zone's offset is another one, by looking at every hour."""
    local = ZoneInfo(zone)
    found: list[datetime] = []
    moment, before = start, start.astimezone(local).utcoffset()
    while moment < end:
        # Days first; an offset that changes and comes back within a day is in no zone's data.
        tomorrow = moment + timedelta(days=1)
        if tomorrow.astimezone(local).utcoffset() != before:
            while moment.astimezone(local).utcoffset() == before:
                moment += timedelta(hours=1)
            found.append(moment)
            before = tomorrow.astimezone(local).utcoffset()
        moment = tomorrow
    return found


SPAN = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC))
