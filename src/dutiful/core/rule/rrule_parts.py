"""The parts of an RRULE: which there are, what each may hold, and which go together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import NamedTuple

from dutiful.core.errors import BadSchedule
from dutiful.core.text import shown

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
KEYS = (
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    *("BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"),
    *("BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"),
)
_RANGES = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
"""The lowest and the highest number, and whether they also count from the end (-1 is the last)."""
_ONLY_WITH = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY"),
    "BYMONTHDAY": ("YEARLY", "MONTHLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"),
}
_HINTS = {
    ("BYSECOND", 60): "there are no leap seconds here; the full minute is second 0",
    ("BYMINUTE", 60): "the full hour is minute 0",
    ("BYHOUR", 24): "midnight is hour 0",
}
_NUMBER = re.compile("[+-]?[0-9]{1,9}")
_WEEKDAY = re.compile("([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_WEEKS_OF_MONTH, _WEEKS_OF_YEAR = 5, 53


class Weekday(NamedTuple):
    """A day of the week: the ``nth`` of its month or year, from the end when negative, or all."""

    nth: int
    day: int
    """Monday is 0."""


def numbers(found: Mapping[str, str], key: str) -> tuple[int, ...]:
    """Read a list of numbers, in order and each once; empty when the part is not given."""
    text = found.get(key)
    if text is None:
        return ()
    low, high, signed = _RANGES[key]
    allowed = f"{low} to {high}" + (f" or -{high} to -{low}" if signed else "")
    values: set[int] = set()
    for word in text.split(","):
        word = word.strip()
        if not _NUMBER.fullmatch(word):
            raise BadSchedule(f"{key} {shown(word)} is not a number; write {allowed}, with commas")
        value = int(word)
        if not low <= (abs(value) if signed else value) <= high:
            hint = _HINTS.get((key, value))
            raise BadSchedule(
                f"{key} {value} is out of range; use {allowed}" + (f": {hint}" if hint else "")
            )
        values.add(value)
    return tuple(sorted(values))


def number(key: str, text: str, most: int) -> int:
    """Read one whole number from 1 to ``most``."""
    if not (text.isascii() and text.isdigit()) or not text.strip("0"):
        raise BadSchedule(f"{key} {shown(text)} is not a whole number from 1 on")
    if len(text) > len(str(most)) or int(text) > most:
        advice = "; use UNTIL" if key == "COUNT" else ", which is a century"
        raise BadSchedule(f"{key} {shown(text).strip(chr(39))} is out of range 1-{most}{advice}")
    return int(text)


def weekdays(found: Mapping[str, str], freq: str) -> frozenset[Weekday]:
    """Read BYDAY."""
    text = found.get("BYDAY")
    if text is None:
        return frozenset()
    most = _WEEKS_OF_YEAR if freq == "YEARLY" and "BYMONTH" not in found else _WEEKS_OF_MONTH
    days: set[Weekday] = set()
    for word in text.split(","):
        word = word.strip()
        match = _WEEKDAY.fullmatch(word)
        if match is None:
            spaced = "; separate days with commas" if len(word.split()) > 1 else ""
            raise BadSchedule(
                f"BYDAY {shown(word)} is not a day; write one of {', '.join(DAYS)}, with a number "
                f"such as -1FR for the last{spaced}"
            )
        if match[1] is not None:
            if freq not in ("YEARLY", "MONTHLY"):
                raise BadSchedule(f"BYDAY={text}: numbered days need FREQ=MONTHLY or YEARLY")
            if "BYWEEKNO" in found:
                raise BadSchedule(f"BYDAY={text}: numbered days do not go with BYWEEKNO")
            if not 1 <= abs(int(match[1])) <= most:
                raise BadSchedule(
                    f"BYDAY {word} is out of range; use 1 to {most} or -{most} to -1 with a day"
                )
        days.add(Weekday(int(match[1] or 0), DAYS.index(match[2])))
    return frozenset(days)


def refuse_together(found: Mapping[str, str], freq: str) -> None:
    """Refuse combinations of parts that RFC 5545 forbids."""
    for key, freqs in _ONLY_WITH.items():
        if key in found and freq not in freqs:
            raise BadSchedule(f"{key} does not go with FREQ={freq}; it needs {' or '.join(freqs)}")
    if "BYSETPOS" in found and not any(key in found for key in KEYS if key in _CHOOSING):
        raise BadSchedule("BYSETPOS chooses from what another BY part names; give one")


_CHOOSING = {*_RANGES, "BYDAY"} - {"BYSETPOS"}


def unknown(what: str, word: str, known: tuple[str, ...]) -> str:
    """Say that a word is not known, and which one may be meant."""
    near = difflib.get_close_matches(word[:20], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(known)}"
    return f"{what} {shown(word)} is not known; {hint}" if word else f"{what} is missing; {hint}"
