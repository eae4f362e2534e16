"""The consecutive crashes of one worker process, and the pause before its next start."""

from __future__ import annotations

import logging

from .exit_code import ending
from .last_words import Ending

_LOG = logging.getLogger("dutiful")
_BACKOFF_FIRST, _BACKOFF_MOST = 0.5, 30.0


class CrashStreak:
    """The consecutive crashes of one child."""

    def __init__(self) -> None:
        """Start without a crash."""
        self._crashes = 0
        self.vain = 0
        """How many consecutive crashes count towards giving up."""
        self._reported = ""

    def add(self, *, excused: bool) -> None:
        """Count a crash; one that a job may have caused is ``excused``."""
        self._crashes += 1
        self.vain = 0 if excused else self.vain + 1

    @property
    def pause(self) -> float:
        """Return the seconds until the next start."""
        return min(_BACKOFF_FIRST * 2.0 ** min(self._crashes - 1, 10), _BACKOFF_MOST)

    def tell(self, number: int, end: Ending | Exception) -> None:
        """Log what went wrong and what follows; log the same failure to start only once."""
        if isinstance(end, Ending):
            text, why = "worker process %d ended with %s; starting another in %.1f s", ""
            _LOG.error(text, number, ending(end.code), self.pause)
        elif (why := str(end) or type(end).__name__) != self._reported:
            text = "worker process %d cannot be started (%s); trying again until it starts"
            _LOG.error(text, number, why)
        self._reported = why
