"""Time zones: which offset holds when, when it changes, and which instant a wall time means.

Walls are microseconds, as instants are: what a clock on the wall would show, counted as if the
wall were in UTC. So wall = instant + offset. Zone data come from the standard library's zoneinfo.
"""

from __future__ import annotations

import difflib
import re
from calendar import isleap, weekday
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY, SECOND, local_instant, moment, within_years
from dutiful.core.text import shown

YEAR_MIN = 1850
YEAR_MAX = 9990
_STEP = 3 * DAY
"""Less than between any two changes of a zone since 1850: the nearest were 3.98 days apart."""
_SETTLED = 2201
"""Zone data list no single changes this late: two years that begin alike have the same changes."""
_WEEKDAYS_REPEAT = 28
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEEDS_NO_DATA = ("UTC", "Etc/UTC")
_EXAMPLE = 'an IANA name such as "Europe/Berlin"'
_ABBREVIATION = re.compile("[A-Z]{2,5}")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?00)?", re.IGNORECASE)
_OF_THE_MACHINE = frozenset({"localtime", "posixrules", "Factory"})
"""Files beside the zone data that are another zone, or none, on each machine."""


class OffsetPeriod(NamedTuple):
    """Instants from ``start`` up to ``end`` on which one offset holds, and its neighbours'."""

    start: int
    end: int
    offset: int
    before: int
    """The offset just before ``start``: smaller if times are missing, greater if repeated."""
    after: int
    """The offset from ``end`` on."""


class OffsetChange(NamedTuple):
    """The clocks change at ``instant``, from one offset to another, in microseconds."""

    instant: int
    before: int
    after: int


def zone(name: str) -> tzinfo:
    """Return the IANA zone of that name; raises BadSchedule with the nearest names.

    UTC needs no zone data.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
        raise BadSchedule(f"no time zone {shown(name)}; give its name, such as 'Europe/Berlin'")
    return _zone(name)


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    if name in _OF_THE_MACHINE:
        raise BadSchedule(f"{name!r} is a different zone on each machine; write {_EXAMPLE}")
    try:
        return ZoneInfo(name)
    # A folder of zones ("Europe") and a malformed name each raise something else.
    except (KeyError, ValueError, OSError) as error:
        if name in _NEEDS_NO_DATA:
            return UTC
        raise BadSchedule(_unknown(name)) from error


def offset(name: str, at: int) -> int:
    """Return how far the zone's clocks are ahead of UTC at an instant, in microseconds."""
    delta = moment(at).astimezone(zone(name)).utcoffset()
    return (delta or timedelta()) // _MICROSECOND


@lru_cache(maxsize=16384)
def offset_periods(name: str, year: int) -> tuple[OffsetPeriod, ...]:
    """Cut a year (of UTC) at the zone's changes; years meet without a gap."""
    alike = _alike(year)
    if alike == year:
        return _cut(name, year)
    later = new_year(year) - new_year(alike)
    return tuple(
        one._replace(start=one.start + later, end=one.end + later)
        for one in offset_periods(name, alike)
    )


def _alike(year: int) -> int:
    """Return the first settled year with the same days on the same weekdays."""
    if year < _SETTLED + _WEEKDAYS_REPEAT:
        return year
    wanted = (isleap(year), weekday(year, 1, 1))
    settled = range(_SETTLED, _SETTLED + _WEEKDAYS_REPEAT)
    return next(one for one in settled if (isleap(one), weekday(one, 1, 1)) == wanted)


def _cut(name: str, year: int) -> tuple[OffsetPeriod, ...]:
    start, end = new_year(year), new_year(year + 1)
    first = offset(name, start - SECOND)
    cuts = [OffsetChange(start, first, offset(name, start)), *_find(name, start, end)]
    ends = [*(cut.instant for cut in cuts[1:]), end]
    afters = [*(cut.after for cut in cuts[1:]), offset(name, end)]
    return tuple(
        OffsetPeriod(cut.instant, until, cut.after, cut.before, after)
        for cut, until, after in zip(cuts, ends, afters, strict=True)
    )


def changes(name: str, start: int, end: int) -> list[OffsetChange]:
    """List the zone's changes of offset from ``start`` up to, not including, ``end``."""
    return [
        OffsetChange(stretch.start, stretch.before, stretch.offset)
        for year in range(year_of(start), year_of(end) + 1)
        for stretch in offset_periods(name, year)
        if stretch.before != stretch.offset and start <= stretch.start < end
    ]


def at_wall(name: str, wall: datetime) -> int:
    """Return the instant of a zone's local time; BadOption asks which, when that is in doubt."""
    return local_instant(wall.replace(tzinfo=zone(name)))


def day_of(name: str, day: date) -> tuple[int, int]:
    """Return the first and the last instant of a zone's day, also where midnight never comes.

    The clocks may go back over midnight: the day ends when the next date is shown for good.
    """
    midnight = (datetime.combine(day, time(), UTC) - _EPOCH) // _MICROSECOND
    within_years(midnight, day.isoformat())
    near = [one for year in range(day.year - 1, day.year + 2) for one in offset_periods(name, year)]
    first = next(one for one in near if one.end + one.offset > midnight)
    start = max(first.start, midnight - first.offset)
    midnight += DAY
    last = next(one for one in reversed(near) if one.start + one.offset < midnight)
    return start, min(last.end, midnight - last.offset) - 1


def new_year(year: int) -> int:
    """Return the instant at which a year begins in UTC."""
    return (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def year_of(at: int) -> int:
    """Return the year of an instant in UTC, held to the years in which schedules are planned."""
    if at < new_year(YEAR_MIN):
        return YEAR_MIN
    return YEAR_MAX if at >= new_year(YEAR_MAX) else moment(at).year


def _find(name: str, start: int, end: int) -> list[OffsetChange]:
    """Look every few days, and halve the days in which the offset changed."""
    found: list[OffsetChange] = []
    before = offset(name, start)
    for low in range(start, end, _STEP):
        high = min(low + _STEP, end - SECOND)
        after = offset(name, high)
        if after != before:
            found.append(OffsetChange(_halve(name, low, high), before, after))
            before = after
    return found


def _halve(name: str, low: int, high: int) -> int:
    """Return the first second between two instants at which the offset is no longer the first's."""
    before = offset(name, low)
    while high - low > SECOND:
        middle = (low + high) // 2 // SECOND * SECOND
        if offset(name, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _unknown(name: str) -> str:
    names = available_timezones() - _OF_THE_MACHINE
    if not names:
        return f"no time zone {shown(name)}: this machine has no zone data; pip install tzdata"
    if ahead := _OFFSET.fullmatch(name.strip()):
        sign, hours = ("-" if ahead[1] == "+" else "+"), int(ahead[2])
        fixed = f"Etc/GMT{sign}{hours}"
        if fixed in names:
            return f"no time zone {shown(name)}; that offset is {fixed}, with the sign reversed"
    wanted = name[:100].strip().replace(" ", "_").lower()
    whole = {known.lower(): known for known in sorted(names)}
    places = {known.rpartition("/")[2].lower(): known for known in sorted(names)}
    if _ABBREVIATION.fullmatch(name) and wanted not in whole and wanted not in places:
        return f"no time zone {shown(name)}; an abbreviation may mean several, so write {_EXAMPLE}"
    near = [places[wanted]] if wanted in places else []
    near += [whole[key] for key in difflib.get_close_matches(wanted, whole, n=3)]
    near += [places[key] for key in difflib.get_close_matches(wanted, places, n=3, cutoff=0.75)]
    hint = ", ".join(list(dict.fromkeys(near))[:3])
    advice = f"did you mean {hint}?" if hint else f"write {_EXAMPLE}"
    return f"no time zone {shown(name)}; {advice}"
