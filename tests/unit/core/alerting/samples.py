"""A store as the rules see it, over simulated time: samples by script, decisions kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from dutiful.core.alerting.decide import Changes, Known, decide
from dutiful.core.alerting.incident import Delivery, Incident, Silence, Unreadable
from dutiful.core.alerting.judge import judge
from dutiful.core.alerting.routing import Policy
from dutiful.core.alerting.rule import Limits, Rule
from dutiful.core.alerting.rules import RULES
from dutiful.core.alerting.sample import Activity, QueueSample, Sample
from dutiful.core.instant import MINUTE, SECOND

START = 1_700_000_040 * SECOND
TURN = 5 * SECOND


class Watch:
    """Evaluates rules turn by turn, as an alerter does, on records in memory."""

    def __init__(
        self,
        rules: Iterable[Rule] = RULES,
        policy: Policy | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self.policy = policy or Policy(sinks=("chat",))
        self.limits = limits or Limits()
        self.incidents: dict[str, Incident | Unreadable] = {}
        self.silences: list[Silence] = []
        self.deliveries: list[Delivery] = []
        self.fired: list[str] = []
        self.resolved: list[str] = []
        self.now = START

    def turn(self, sample: Sample) -> Changes:
        self.now = sample.at
        known = Known(incidents=dict(self.incidents), silences=tuple(self.silences))
        judgement = judge(self.rules, sample, self.limits)
        changes = decide(judgement, known, self.policy, self.now)
        for one in changes.incidents:
            self.incidents[one.key] = replace(one, version=one.version + 1)
        for key, _ in changes.dropped:
            del self.incidents[key]
        self.deliveries += changes.deliveries
        self.fired += [one.rule for one in changes.fired]
        self.resolved += [one.rule for one in changes.resolved]
        return changes

    def run(self, span: int, sample: Callable[[int], Sample]) -> Watch:
        """Take a turn every five seconds for a span; the script gives the sample for an instant."""
        end = self.now + span
        while self.now < end:
            self.turn(sample(self.now + TURN))
        return self

    @property
    def sent(self) -> list[tuple[str, str]]:
        return [(one.notification.kind, one.notification.rule) for one in self.deliveries]


def minutes(now: int, count: int = 16, **fields: Any) -> tuple[Activity, ...]:
    """Return activity that is the same in each of the last minutes."""
    first = now // MINUTE * MINUTE
    given: dict[str, Any] = {"queue": "mail", "name": "send", **fields}
    return tuple(Activity(at=first - number * MINUTE, **given) for number in range(count))


def queue(**fields: Any) -> QueueSample:
    return QueueSample(**{"name": "mail", "served": True, **fields})
