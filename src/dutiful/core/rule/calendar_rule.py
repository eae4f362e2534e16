"""Calendar rules (RFC 5545 RRULE) on the clocks of a zone; needs python-dateutil."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Calendar(msgspec.Struct, frozen=True, tag="calendar"):
    """An RRULE that begins at a local time; not yet answered."""

    rrule: str
    zone: str
    start: datetime

    def after(self, at: int) -> int | None:
        """Return the first planned instant after ``at``."""
        raise NotImplementedError

    def before_or_at(self, at: int) -> int | None:
        """Return the last planned instant up to ``at``."""
        raise NotImplementedError
