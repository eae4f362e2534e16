"""Writes what a message says: what happened, since when, how many, the commonest error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dutiful.core.instant import MINUTE, SECOND, iso, spell
from dutiful.core.notification import Notification

from .incident import Incident

Kind = Literal["firing", "resolved", "escalated"]
NAMED_MAX = 10
"""How many incidents of a group are described."""
_PREFIX = {"firing": "", "resolved": "resolved: ", "escalated": "still firing: "}


def notification(
    notification_id: str, kind: Kind, about: Sequence[Incident], now: int, store: str
) -> Notification:
    """Write one message about one incident, or about several of one rule."""
    first = about[0]
    critical = any(one.severity == "critical" for one in about)
    single = len(about) == 1
    title = first.title if single else f"{len(about)} alerts of {first.rule}: {first.title}, ..."
    described = [_described(one, kind, now, titled=not single) for one in about[:NAMED_MAX]]
    if len(about) > NAMED_MAX:
        described.append(f"and {len(about) - NAMED_MAX} more")
    return Notification(
        id=notification_id,
        kind=kind,
        rule=first.rule,
        subject=first.subject if single else "",
        severity="critical" if critical else "warning",
        title=_PREFIX[kind] + title,
        text="\n\n".join(described),
        command=first.command if single else "dutiful alerts list",
        since=min(one.since for one in about),
        at=now,
        store=store,
    )


def _described(one: Incident, kind: Kind, now: int, *, titled: bool) -> str:
    lasted = spell(max(now - one.since, 0) // SECOND * SECOND)
    if lasted != "0s" and now - one.since >= 10 * MINUTE:
        lasted = spell((now - one.since) // MINUTE * MINUTE)
    lines = [one.title] if titled else []
    lines += [one.text] if one.text else []
    since = f"since {iso(one.since)[:19]}Z"
    lines.append(f"{since}, it lasted {lasted}" if kind == "resolved" else f"{since} ({lasted})")
    lines.append(f"count: {one.count:,}")
    if one.error:
        lines.append(f"commonest error: {one.error}")
    if one.command:
        lines.append(f"more: {one.command}")
    return "\n".join(lines)
