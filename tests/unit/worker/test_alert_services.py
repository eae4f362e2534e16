"""What the settings and the code say of alerts becomes the policy of a worker's alerter."""

from __future__ import annotations

from random import Random
from typing import Any

from dutiful import App
from dutiful.contract.clock import SystemClock
from dutiful.core.alerting.routing import Policy, Route
from dutiful.core.event import Notice
from dutiful.core.instant import HOUR, MINUTE
from dutiful.core.notification import Notification
from dutiful.worker.alert_services import alerter_of


class Sink:
    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, notification: Notification) -> None: ...


def policy_of(app: App, *sinks: Sink) -> tuple[Policy, list[str]]:
    notices: list[str] = []

    def heard(event: object) -> None:
        if isinstance(event, Notice):
            notices.append(event.text)

    app.bus.subscribe(heard)
    made: Any = alerter_of(app, SystemClock(), Random(1), lambda: True, sinks)
    return made._policy, notices


def test_the_settings_and_then_the_code_say_who_gets_what() -> None:
    app = App(
        "memory://",
        alerts={"escalate-after": "1h", "cooldown": "1m", "queue-age": "off"},
        alerts_routes={"night": {"severity": "critical"}, "pager": {"rules": ["queue-*"]}},
    )
    app.alerts.configure(cooldown="2m")
    app.alerts.add_sink(Sink("pager"), escalation="5m")
    app.alerts.add_sink(Sink("chat"))
    policy, notices = policy_of(app, Sink("night"))
    assert policy.sinks == ("night", "pager", "chat")
    assert policy.routes == {
        "night": Route(severity="critical"),
        "pager": Route(escalation=True, after=5 * MINUTE),
    }
    assert (policy.escalate_after, policy.cooldown) == (HOUR, 2 * MINUTE)
    assert notices == []


def test_code_without_options_leaves_the_route_of_the_settings() -> None:
    app = App("memory://", alerts_routes={"pager": {"escalation": "5m"}})
    app.alerts.add_sink(Sink("pager"))
    policy, _ = policy_of(app)
    assert policy.routes["pager"].after == 5 * MINUTE


def test_names_that_nothing_has_are_reported() -> None:
    app = App("memory://", alerts_routes={"gone": {"rules": ["queue-*", "nosuch-*", "other"]}})
    _, notices = policy_of(app)
    [rules, sinks] = notices
    assert "no alert rules called nosuch-*, other;" in rules
    assert "sinks that do not exist: gone;" in sinks
