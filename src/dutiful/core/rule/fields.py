"""Reads one field of a cron expression, and says what is wrong with one that cannot be read."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from dutiful.core.errors import BadSchedule

_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
_DAYS = "SUN MON TUE WED THU FRI SAT".split()
LAST = 6
"""Stands for the last of a weekday in a month, where 1 to 5 count from its start."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one place of an expression may hold."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    hints: tuple[tuple[str, str], ...] = ()
    """Values that are often meant otherwise, and what to write instead."""
    step: str = ""
    """What to use for a rhythm that is longer than the field."""


SECOND = Field("second", 0, 59, hints=(("60", "the full minute is second 0"),))
MINUTE = Field(
    "minute",
    0,
    59,
    hints=(("60", "the full hour is minute 0"),),
    step="for a longer rhythm use an interval",
)
HOUR = Field(
    "hour",
    0,
    23,
    hints=(("24", "midnight is hour 0"),),
    step="for a rhythm of days use an interval",
)
DAY = Field("day of month", 1, 31, hints=(("32", "the last day of a month is L"),))
MONTH = Field("month", 1, 12, tuple(_MONTHS))
WEEKDAY = Field("day of week", 0, 7, tuple(_DAYS), hints=(("8", "Sunday is 0 or 7"),))


@dataclass(frozen=True, slots=True)
class Values:
    """What a field's text stands for."""

    plain: frozenset[int]
    nth: frozenset[tuple[int, int]] = frozenset()
    last_day: bool = False
    last_weekday: bool = False
    star: bool = False


def read(field: Field, text: str) -> Values:
    """Read a field's text, in upper case; raises BadSchedule about the value that is wrong."""
    plain: set[int] = set()
    nth: set[tuple[int, int]] = set()
    special: set[str] = set()
    for term in text.split(","):
        if not term:
            raise BadSchedule(f"the {field.name} {text!r} has an empty place in its list")
        if field is DAY and term in ("L", "LW"):
            special.add(term)
        elif field is WEEKDAY and ("#" in term or (term.endswith("L") and term != "L")):
            nth.add(_nth(term))
        else:
            plain.update(_plain(field, term))
    if field is WEEKDAY and 7 in plain:
        plain = plain - {7} | {0}
    return Values(
        frozenset(plain), frozenset(nth), "L" in special, "LW" in special, text.startswith("*")
    )


def _nth(term: str) -> tuple[int, int]:
    if "#" not in term:
        return _value(WEEKDAY, term[:-1], term) % 7, LAST
    weekday, _, which = term.partition("#")
    if which not in ("1", "2", "3", "4", "5"):
        last = which in ("", "L", "6") and _readable(WEEKDAY, f"{weekday}L")
        hint = f"; the last one is {weekday}L" if last else ""
        raise BadSchedule(
            f"day of week {term!r}: the number after # is which of the month, 1-5{hint}"
        )
    return _value(WEEKDAY, weekday, term) % 7, int(which)


def _plain(field: Field, term: str) -> range:
    body, slash, step_text = term.partition("/")
    step = _step(field, term, step_text) if slash else 1
    top = 6 if field is WEEKDAY else field.high
    if body == "*":
        return range(field.low, top + 1, step)
    first, dash, last = body.partition("-")
    low = _value(field, first, term)
    if not dash:
        return range(low, (max(top, low) if slash else low) + 1, step)
    high = _value(field, last, term)
    if field is WEEKDAY and last == "SUN" and low > 0:
        high = 7
    if high < low:
        raise BadSchedule(f"{field.name} {term!r} runs backwards{_turned(field, body)}")
    return range(low, high + 1, step)


def _turned(field: Field, body: str) -> str:
    """Offer the range the right way round, and the one that wraps, when that was meant."""
    first, _, last = body.partition("-")
    if field is WEEKDAY and first == "7":  # Sunday, and the first of a range is 0
        return f"; write 0-{last}"
    named = first in field.names
    floor = field.names[0] if named else str(field.low)
    top = field.names[-1] if named else str(6 if field is WEEKDAY else field.high)
    ceiling = first if first == top else f"{first}-{top}"
    ground = last if last == floor else f"{floor}-{last}"
    return f"; write {last}-{first}, or {ceiling},{ground} for one that wraps"


def _readable(field: Field, text: str) -> bool:
    """Whether a text that a hint offers would be accepted."""
    try:
        read(field, text)
    except BadSchedule:
        return False
    return True


def _step(field: Field, term: str, text: str) -> int:
    top = field.high
    if not _digits(text):
        raise BadSchedule(f"{field.name} {term!r}: the step after / is a number from 1 to {top}")
    step = int(text)
    if step == 0:
        body = term.partition("/")[0]
        hint = f"; did you mean {body}?" if _readable(field, body) else ""
        raise BadSchedule(f"{field.name} {term!r}: step 0 is out of range 1-{top}{hint}")
    if step > top:
        advice = f"write {field.low}" + (f"; {field.step}" if field.step else "")
        raise BadSchedule(
            f"{field.name} {term!r}: step {step} is out of range 1-{top} and would leave only one "
            f"value; {advice}"
        )
    return step


def _value(field: Field, text: str, term: str) -> int:
    where = "" if text == term else f" in {term!r}"
    if text in field.names:
        return field.names.index(text) + (1 if field is MONTH else 0)
    if not _digits(text):
        raise BadSchedule(_unread(field, text, where))
    number = int(text)
    if not field.low <= number <= field.high:
        hints = dict(field.hints)
        near = min(max(number, field.low), field.high)
        hint = hints.get(str(number), f"the nearest is {near}")
        if field is WEEKDAY and len(text) == 4:
            hint = "there is no field for the year, and of six the first is the second"
        raise BadSchedule(
            f"{field.name} {number}{where} is out of range {field.low}-{field.high}; {hint}"
        )
    return number


def _unread(field: Field, text: str, where: str) -> str:
    """Say what a word may mean that is neither a number nor a name of this field."""
    allowed = f"{field.low}-{field.high}"
    if field.names:
        allowed += f" or {field.names[0]}-{field.names[-1]}"
    start = f"{field.name} {text!r}{where} is not a value"
    near = difflib.get_close_matches(text[:3], field.names, n=1, cutoff=0.6)
    if near:
        hint = f"did you mean {near[0]}?"
    elif text == "?":
        hint = "write * for any"
    elif text.startswith("-"):
        hint = "a value has no sign"
    elif field is WEEKDAY and text == "L":
        hint = "the last Friday of a month is FRIL, the last day L in the day of month"
    elif field is DAY and text in ("W", "WL"):
        hint = "the last weekday of a month is LW"
    elif text in _DAYS:
        hint = "names of days belong in the day of week"
    elif text in _MONTHS:
        hint = "names of months belong in the month"
    else:
        hint = f"write {allowed}, *, a list, a range or a step such as */5"
    return f"{start} in the range {allowed}; {hint}"


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
