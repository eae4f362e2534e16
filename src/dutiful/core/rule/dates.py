"""One-off lists of instants."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

import msgspec

from dutiful.core.errors import BadOption, BadSchedule
from dutiful.core.instant import local_instant, within_years
from dutiful.core.text import shown

DATES_MAX = 10_000


class Dates(msgspec.Struct, frozen=True, tag="dates"):
    """Exactly these instants, kept in order and each once."""

    instants: tuple[int, ...]

    @classmethod
    def at(cls, *moments: datetime) -> Dates:
        """Take aware datetimes; a local time that comes twice or never asks which is meant."""
        return cls(tuple(map(local_instant, moments)))

    def __post_init__(self) -> None:
        """Put the instants in order; an empty list is refused."""
        if type(self.instants) is not tuple:
            raise BadSchedule(f"{shown(self.instants)} are not dates; write Dates.at(...)")
        if len(self.instants) > DATES_MAX:
            raise BadSchedule(
                f"{len(self.instants):,} dates; one schedule has at most {DATES_MAX:,}"
            )
        if not self.instants:
            raise BadSchedule("a list of dates needs at least one")
        if wrong := [one for one in self.instants if type(one) is not int]:
            raise BadSchedule(
                f"{shown(wrong[0])} is not an instant; write Dates.at(...) with datetimes that "
                "have a zone, or give microseconds since 1970"
            )
        try:
            for one in (min(self.instants), max(self.instants)):
                within_years(one, one)
        except BadOption as error:
            raise BadSchedule(f"a list of dates: {error}") from error
        ordered = tuple(sorted(set(self.instants)))
        if ordered != self.instants:
            msgspec.structs.force_setattr(self, "instants", ordered)

    def after(self, at: int) -> int | None:
        """Return the first planned instant after ``at``."""
        place = bisect_right(self.instants, at)
        return self.instants[place] if place < len(self.instants) else None

    def before_or_at(self, at: int) -> int | None:
        """Return the last planned instant up to ``at``."""
        place = bisect_right(self.instants, at)
        return self.instants[place - 1] if place else None
