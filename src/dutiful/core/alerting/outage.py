"""The alert about a store that cannot be used: it begins outside of the store, and ends in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from .decide import Known
from .incident import Delivery, Incident, Unreadable, digest, key_of
from .notice_text import notification
from .routing import Policy
from .rule import Limit
from .rules import STORE_UNUSABLE

KEY = key_of(STORE_UNUSABLE, "")
_FIRINGS_MAX = 10


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is not in the store yet, and its messages; instants are of this host."""

    incident: Incident
    deliveries: tuple[Delivery, ...] = ()

    @property
    def on(self) -> bool:
        """Whether it is still to be recorded."""
        return self.incident.state == "firing"


def begin(
    limit: Limit, policy: Policy, *, since: int, now: int, error: str, where: str, last: int | None
) -> Outage:
    """Make the alert and its messages, none of them within the cool-down after ``last``.

    ``where`` names the process; ``last`` is when a message about the previous outage was made.
    """
    incident = Incident(
        id=digest(STORE_UNUSABLE, where, str(now)),
        rule=STORE_UNUSABLE,
        subject="",
        state="firing",
        severity=limit.severity,
        since=since,
        first_at=since,
        seen_at=now,
        changed_at=now,
        title="the store cannot be used",
        text=f"seen by {where}: no job starts there, and none may be enqueued",
        error=error,
        command="dutiful check",
        last_announced_at=last,
    )
    if last is not None and 0 <= now - last < policy.cooldown:
        return Outage(incident=incident)
    names = policy.sinks_for(incident.rule, incident.severity)
    incident = replace(incident, announced_at=now, last_announced_at=now, announced_to=names)
    return Outage(
        incident=incident,
        deliveries=tuple(_delivery(name, incident, now, policy.store) for name in names),
    )


def _delivery(sink: str, about: Incident, now: int, store: str) -> Delivery:
    own_id = digest("firing", sink, str(now), about.id)
    message = notification(own_id, "firing", [about], now, store)
    return Delivery(
        id=own_id, sink=sink, notification=message, keys=(about.key,), at=now, due_at=now
    )


def recorded(
    outage: Outage, stored: Incident | Unreadable | None, ahead: int
) -> tuple[Incident, Sequence[Delivery]] | None:
    """Return what to write now that the store can be used; None if another host has done so.

    ``ahead`` is how far the store's clock is ahead of this host's.
    """
    old = stored if isinstance(stored, Incident) else None
    if old is not None and old.state == "firing":
        return None
    one = outage.incident
    firings = (*(old.firings if old else ()), one.changed_at + ahead)[-_FIRINGS_MAX:]
    incident = replace(
        one,
        since=one.since + ahead,
        first_at=one.first_at + ahead,
        seen_at=one.seen_at + ahead,
        changed_at=one.changed_at + ahead,
        firings=firings,
        announced_at=_shifted(one.announced_at, ahead),
        last_announced_at=_shifted(one.last_announced_at, ahead),
        version=0 if stored is None else stored.version,
    )
    return incident, [
        replace(
            each,
            at=each.at + ahead,
            due_at=each.due_at + ahead,
            claimed_until=None,
            sent_at=_shifted(each.sent_at, ahead),
        )
        for each in outage.deliveries
    ]


def last_outage(known: Known, now: int) -> tuple[int, int] | None:
    """Return when the latest outage began and ended; one that may go on ends now."""
    found = known.incidents.get(KEY)
    if not isinstance(found, Incident):
        return None
    return found.since, found.changed_at if found.state == "resolved" else now


def _shifted(at: int | None, ahead: int) -> int | None:
    return None if at is None else at + ahead
