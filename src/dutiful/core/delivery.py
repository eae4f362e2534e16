"""What a failed sending means, and when it is tried again."""

from __future__ import annotations

from .errors import NotSent
from .instant import SECOND, instant
from .retry import Random

_WAITS = tuple(seconds * SECOND for seconds in (5, 30, 120, 600, 1800, 3600))
"""Before the second try, the third, and so on; the last one is repeated."""
TRIES_MAX = 10
"""A notification that failed so often is given up: some four hours after the first try."""
AFTER_MAX = 3600 * SECOND
"""The longest wait that a receiver may ask for: an alert is of no use much later."""
_TRY_AGAIN = frozenset({408, 425, 429})
"""Refusals that say nothing against the same request at a later time."""


def next_try(tries: int, failure: NotSent, rng: Random) -> int | None:
    """Return microseconds until a notification that failed ``tries`` times is sent again.

    None gives it up: the failure is permanent, or it was tried `TRIES_MAX` times. The wait is
    longer after each try, 25 % shorter or longer by chance, and never shorter than the receiver
    asks for.
    """
    if failure.permanent or tries >= TRIES_MAX:
        return None
    wait = _WAITS[min(max(tries, 1), len(_WAITS)) - 1] * (0.75 + rng.random() / 2)
    return max(int(wait), min(failure.after or 0, AFTER_MAX))


def refusal(status: int, retry_after: str | None, now: int) -> NotSent | None:
    """Judge the status of an HTTP answer; None when the receiver has taken what was sent.

    ``retry_after`` is the header of that name: seconds, or a date of HTTP.
    """
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        text = f"answered {status}: redirects are not followed; use the URL that it leads to"
        return NotSent(text, permanent=True)
    text = f"answered {status}"
    if 400 <= status < 500 and status not in _TRY_AGAIN:
        return NotSent(text, permanent=True)
    return NotSent(text, after=_asked(retry_after, now))


def _asked(retry_after: str | None, now: int) -> int | None:
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return min(int(text[:9]) * SECOND, AFTER_MAX)
    from email.utils import parsedate_to_datetime

    try:
        return min(max(instant(parsedate_to_datetime(text)) - now, 0), AFTER_MAX)
    except Exception:  # noqa: BLE001 - what a receiver writes there must not hide its refusal
        return None
