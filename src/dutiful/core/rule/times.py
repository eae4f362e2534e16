"""The times of a day that an RRULE names, with what BYSETPOS chooses of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import groupby

from dutiful.core.errors import BadSchedule

from .recurrence import Recurrence

_HOUR = 3600


class Times:
    """The times of a day, as seconds of its hours."""

    def __init__(self, rule: Recurrence, positions: tuple[int, ...]) -> None:
        """Join the lists of a rule; ``positions`` choose from those of a day, hour or minute."""
        within = _joined(rule.minutes, rule.seconds)
        self._hours = rule.hours
        self._within = dict.fromkeys(rule.hours, within)
        if rule.freq == "HOURLY":
            self._within = dict.fromkeys(rule.hours, _placed(within, positions))
        elif rule.freq == "MINUTELY" and positions:
            chosen = _joined(rule.minutes, _placed(rule.seconds, positions))
            self._within = dict.fromkeys(rule.hours, chosen)
        elif positions:  # of a day, or of a single second
            self._within = _of_day(self._hours, within, positions, rule.freq)
            self._hours = tuple(self._within)
        self.count = sum(map(len, self._within.values()))
        if not self.count:
            raise BadSchedule(
                f"BYSETPOS {', '.join(map(str, positions))} is beyond the times of one turn, "
                "so it never happens"
            )

    def ahead(self, second: int) -> int | None:
        """Return the first time of the day from ``second`` on."""
        hour, rest = divmod(second, _HOUR)
        if (within := self._within.get(hour)) and rest <= within[-1]:
            return hour * _HOUR + within[bisect_left(within, rest)]
        place = bisect_right(self._hours, hour)
        if place == len(self._hours):
            return None
        return self._hours[place] * _HOUR + self._within[self._hours[place]][0]

    def back(self, second: int) -> int | None:
        """Return the last time of the day up to ``second``."""
        hour, rest = divmod(second, _HOUR)
        if (within := self._within.get(hour)) and rest >= within[0]:
            return hour * _HOUR + within[bisect_right(within, rest) - 1]
        place = bisect_left(self._hours, hour)
        if not place:
            return None
        return self._hours[place - 1] * _HOUR + self._within[self._hours[place - 1]][-1]

    def nth(self, place: int) -> int:
        """Return the time of the day at a place, counted from 0."""
        for hour in self._hours:
            within = self._within[hour]
            if place < len(within):
                return hour * _HOUR + within[place]
            place -= len(within)
        raise IndexError(place)


@lru_cache(maxsize=64)
def _joined(minutes: tuple[int, ...], seconds: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(minute * 60 + second for minute in minutes for second in seconds)


def _placed(values: tuple[int, ...], positions: tuple[int, ...]) -> tuple[int, ...]:
    """Choose values by their places, counted from 1, or from the end when negative."""
    if not positions:
        return values
    places = {place - 1 if place > 0 else len(values) + place for place in positions}
    return tuple(values[place] for place in sorted(places) if 0 <= place < len(values))


def _of_day(
    hours: tuple[int, ...], within: tuple[int, ...], positions: tuple[int, ...], freq: str
) -> dict[int, tuple[int, ...]]:
    size = len(hours) * len(within) if freq == "DAILY" else 1
    places = {place - 1 if place > 0 else size + place for place in positions}
    kept = sorted(place for place in places if 0 <= place < size)
    if freq != "DAILY":  # a turn of a second has one time
        return dict.fromkeys(hours, within) if kept else {}
    chosen = [(hours[place // len(within)], within[place % len(within)]) for place in kept]
    return {
        hour: tuple(second for _, second in group)
        for hour, group in groupby(chosen, key=lambda one: one[0])
    }
