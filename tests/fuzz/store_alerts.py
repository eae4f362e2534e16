"""Rows of alerts and of counts, of every kind, for another program to spoil."""

from __future__ import annotations

from dutiful.contract.facade import Store
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alerting.incident import Delivery, Incident, Silence, written
from dutiful.core.alerting.sample import Activity
from dutiful.core.instant import HOUR, MINUTE
from dutiful.core.notification import Notification

COPIES = 4


async def fill_alerts(store: Store) -> list[str]:
    """Store alerts that fire and that are over, messages, silences and turns; return their keys."""
    now = (await store.alerts.entries(())).now
    rows: list[AlertEntry] = []
    for number in range(COPIES):
        alert = Incident(
            id=f"i{number}",
            rule="queue-age",
            subject=f"q{number}",
            state="firing",
            since=now,
            first_at=now,
            seen_at=now,
            changed_at=now,
            announced_at=now,
            announced_to=("chat",),
        )
        told = Notification(
            id=f"d{number}",
            kind="firing",
            rule="queue-age",
            subject=f"q{number}",
            severity="warning",
            title="old",
            text="",
            command="",
            since=now,
            at=now,
            store="",
        )
        sent = Delivery(
            id=told.id, sink="chat", notification=told, keys=(alert.key,), at=now, due_at=now
        )
        silence = Silence(id=f"s{number}", rule="job-*", until=now + HOUR)
        rows += [
            AlertEntry(AlertKind.INCIDENT, alert.key, 0, now, written(alert)),
            AlertEntry(AlertKind.DELIVERY, sent.id, 0, now, written(sent)),
            AlertEntry(AlertKind.SILENCE, silence.id, 0, now, written(silence)),
            AlertEntry(AlertKind.PAST, f"p{number}", 0, now, written(alert)),
        ]
    assert await store.alerts.write(rows)
    assert await store.alerts.turn("rules", MINUTE) is not None
    return [*(row.key for row in rows), "rules"]


async def fill_activity(store: Store) -> list[str]:
    """Store counts of the last minute and hour, and return their names."""
    now = (await store.alerts.entries(())).now
    names = [f"task-{number}" for number in range(COPIES)]
    await store.activity.add(
        [
            Activity(
                at=now // span * span, span=span, kind="task", queue="q", name=name, dead=1, runs=9
            )
            for span in (MINUTE, HOUR)
            for name in names
        ]
    )
    return names
