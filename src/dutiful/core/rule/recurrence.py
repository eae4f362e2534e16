"""Reads the text of an RRULE, writes out what its start implies, and counts its turns.

A turn is one step of FREQ x INTERVAL: with ``FREQ=WEEKLY;INTERVAL=2`` every other week.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta

from dutiful.core.errors import BadSchedule

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LENGTHS = {
    "WEEKLY": timedelta(weeks=1),
    "DAILY": timedelta(days=1),
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
    "SECONDLY": timedelta(seconds=1),
}
FREQUENCIES = ("YEARLY", "MONTHLY", *_LENGTHS)
_KEYS = (
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    *("BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"),
    *("BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"),
)
_DATES = {"BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY"}
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """An RRULE, complete without its start but for the phase of its interval."""

    text: str
    """Every part but COUNT and UNTIL, the implied ones too."""
    freq: str
    interval: int
    count: int | None
    until: datetime | None
    until_utc: bool

    def turn(self, start: datetime, wall: datetime) -> int:
        """Return the number of the turn that a wall time lies in, counted from the start's."""
        if self.freq == "YEARLY":
            return (wall.year - start.year) // self.interval
        if self.freq == "MONTHLY":
            months = (wall.year - start.year) * 12 + wall.month - start.month
            return months // self.interval
        return (wall - self._origin(start)) // (_LENGTHS[self.freq] * self.interval)

    def begin(self, start: datetime, turn: int) -> datetime:
        """Return the wall time at which a turn begins; OverflowError beyond the calendar."""
        origin = self._origin(start)
        if self.freq in _LENGTHS:
            return origin + _LENGTHS[self.freq] * self.interval * turn
        step = self.interval * (12 if self.freq == "YEARLY" else 1) * turn
        years, month = divmod(origin.month - 1 + step, 12)
        if origin.year + years > MAXYEAR:
            raise OverflowError
        return origin.replace(year=origin.year + years, month=month + 1)

    def _origin(self, start: datetime) -> datetime:
        day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.freq == "YEARLY":
            return day.replace(month=1, day=1)
        if self.freq == "MONTHLY":
            return day.replace(day=1)
        # Weeks are counted from the start's day: dateutil itself knows where its week begins.
        if self.freq in ("WEEKLY", "DAILY"):
            return day
        if self.freq == "HOURLY":
            return start.replace(minute=0, second=0, microsecond=0)
        return start.replace(microsecond=0) - timedelta(
            seconds=start.second if self.freq == "MINUTELY" else 0
        )


def read(text: str, start: datetime) -> Recurrence:
    """Read an RRULE; raises BadSchedule naming the part that is wrong."""
    parts = _parts(text)
    freq = parts.get("FREQ", "")
    if freq not in FREQUENCIES:
        raise BadSchedule(_unknown("FREQ", freq, FREQUENCIES))
    interval, count = _number(parts, "INTERVAL", 1), _number(parts, "COUNT", None)
    until = parts.pop("UNTIL", None)
    if until is not None and count is not None:
        raise BadSchedule("COUNT and UNTIL do not go together; keep one")
    _refuse(parts, freq)
    _imply(parts, freq, start)
    week_start = parts.get("WKST", _DAYS[0])
    if week_start not in _DAYS:
        raise BadSchedule(_unknown("WKST", week_start, _DAYS))
    parts.pop("COUNT", None)
    return Recurrence(
        text=";".join(f"{key}={value}" for key, value in parts.items()),
        freq=freq,
        interval=interval or 1,
        count=count,
        until=_until(until),
        until_utc=bool(until and until.endswith("Z")),
    )


def _parts(text: str) -> dict[str, str]:
    if "\n" in text.strip() or text.upper().startswith(("DTSTART", "EXDATE", "RDATE")):
        raise BadSchedule("give one RRULE; the start and excluded days are options of their own")
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").strip(";").split(";"):
        key, equals, value = (word.strip() for word in part.partition("="))
        if key not in _KEYS:
            raise BadSchedule(_unknown("part", key, _KEYS))
        if not equals or not value:
            raise BadSchedule(f"{key} has no value")
        if key in parts:
            raise BadSchedule(f"{key} stands twice; join its values with commas")
        parts[key] = value
    return parts


def _unknown(what: str, word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(known)}"
    return f"{what} {word!r} is not known; {hint}" if word else f"{what} is missing; {hint}"


def _number(parts: dict[str, str], key: str, default: int | None) -> int | None:
    text = parts.get(key)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:9]) == int(text):
        raise BadSchedule(f"{key} {text!r} is not a whole number from 1 on")
    return int(text)


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not _UNTIL.fullmatch(text):
        raise BadSchedule(f"UNTIL {text!r}; write 20261231, 20261231T235959 or 20261231T225959Z")
    # A day alone counts to its end: whoever names the last day wants it, too.
    whole = text.rstrip("Z") if "T" in text else f"{text}T235959"
    try:
        return datetime.strptime(whole, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall has no zone
    except ValueError as error:
        raise BadSchedule(f"UNTIL {text!r} is no date: {error}") from error


def _refuse(parts: dict[str, str], freq: str) -> None:
    """Refuse dates that never come, and what would be looked for second by second."""
    dates = _DATES & parts.keys()
    if freq == "SECONDLY" and "BYDAY" in parts:
        dates.add("BYDAY")
    if freq in ("MINUTELY", "SECONDLY") and dates:
        raise BadSchedule(
            f"FREQ={freq} with {sorted(dates)[0]} would be searched one by one; use a cron "
            'expression, such as "*/5 * * 1 *", or FREQ=DAILY with BYHOUR, BYMINUTE and BYSECOND'
        )
    if freq not in ("YEARLY", "MONTHLY") and re.search(r"\d", parts.get("BYDAY", "")):
        raise BadSchedule(f"BYDAY={parts['BYDAY']}: numbered days need FREQ=MONTHLY or YEARLY")
    days = _whole(parts.get("BYMONTHDAY", ""))
    months = [month for month in _whole(parts.get("BYMONTH", "")) if 0 < month < 13]
    longest = max((_MONTH_DAYS[month - 1] for month in months), default=31)
    if days and min(abs(day) for day in days) > longest:
        raise BadSchedule(f"this date never comes; no month named has {longest + 1} days or more")


def _whole(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if re.fullmatch(r"[+-]?\d{1,3}", word)]


def _imply(parts: dict[str, str], freq: str, start: datetime) -> None:
    """Write out the parts that RFC 5545 takes from the start."""
    if not parts.keys() & {"BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"}:
        if freq == "YEARLY":
            parts.setdefault("BYMONTH", str(start.month))
        if freq in ("YEARLY", "MONTHLY"):
            parts["BYMONTHDAY"] = str(start.day)
        elif freq == "WEEKLY":
            parts["BYDAY"] = _DAYS[start.weekday()]
    finer = FREQUENCIES.index(freq)
    for key, value, unit in (
        ("BYHOUR", start.hour, "HOURLY"),
        ("BYMINUTE", start.minute, "MINUTELY"),
        ("BYSECOND", start.second, "SECONDLY"),
    ):
        if finer < FREQUENCIES.index(unit):
            parts.setdefault(key, str(value))
