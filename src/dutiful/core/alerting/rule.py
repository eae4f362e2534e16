"""What a rule is, what it finds, and the limits that it goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec

from dutiful.core.errors import BadOption
from dutiful.core.instant import SECOND, span, spell
from dutiful.core.notification import Severity
from dutiful.core.text import shown

from .sample import Sample

Unit = Literal["jobs", "span", "share", "times", "count"]


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule fires."""

    above: float = 0
    """A condition holds while the measured value is above this; a span is in microseconds."""
    hold: int = 0
    """For how long it must hold before the alert fires; setting ``for``."""
    severity: Severity = "warning"
    on: bool = True


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a rule found now; one alert for each rule and subject."""

    subject: str = ""
    """What it is about, as a queue's, task's or worker's name; may be empty."""
    queue: str | None = None
    """The queue and task whose limits apply; None means the general ones."""
    task: str | None = None
    value: float = 0
    """What is compared with the limit."""
    count: int = 1
    """How many jobs, workers or occurrences it is about."""
    title: str
    """One line that says what is wrong."""
    text: str = ""
    error: str = ""
    """The commonest error."""
    command: str = ""
    """The command that shows more."""
    since: int | None = None
    """When it began, if the rule knows; else when it was first seen."""


Check = Callable[[Sample], Iterable[Condition]]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A named check with its limit."""

    name: str
    check: Check
    limit: Limit = Limit()
    unit: Unit = "count"
    about: str = ""
    """One sentence for the list of rules."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Changed limits, as a file or ``app.alerts.configure`` gives them."""

    on: bool = True
    """Whether any rule is evaluated."""
    rules: Mapping[str, Mapping[str, Any]] = {}
    queues: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}
    """By queue, then by rule."""
    tasks: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}
    """By task, then by rule; these win over those by queue."""
    spans: Mapping[str, int] = {}
    """The spans of `SPANS` that are changed."""

    def of(self, rule: Rule, queue: str | None = None, task: str | None = None) -> Limit:
        """Return the limit of a rule for a queue and a task."""
        limit, name = rule.limit, rule.name
        by_queue, by_task = self.queues.get(queue or "", {}), self.tasks.get(task or "", {})
        for change in (self.rules.get(name), by_queue.get(name), by_task.get(name)):
            if change:
                limit = _changed(limit, rule.unit, change)
        return limit

    def named(self) -> frozenset[str]:
        """Return the names of all rules whose limits are changed."""
        parts = (self.rules, *self.queues.values(), *self.tasks.values())
        return frozenset(name for part in parts for name in part)

    def plus(self, other: Limits) -> Limits:
        """Add other limits, which win."""
        return Limits(
            on=self.on and other.on,
            rules=_joined(self.rules, other.rules),
            queues={
                name: _joined(self.queues.get(name, {}), other.queues.get(name, {}))
                for name in {**self.queues, **other.queues}
            },
            tasks={
                name: _joined(self.tasks.get(name, {}), other.tasks.get(name, {}))
                for name in {**self.tasks, **other.tasks}
            },
            spans={**self.spans, **other.spans},
        )


def _joined(
    one: Mapping[str, Mapping[str, Any]], two: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    return {name: {**one.get(name, {}), **two.get(name, {})} for name in {**one, **two}}


def _changed(limit: Limit, unit: Unit, change: Mapping[str, Any]) -> Limit:
    fields = dict(change)
    if (number := fields.pop("number", None)) is not None:
        fields["above"] = number * SECOND if unit == "span" else number
    return msgspec.structs.replace(limit, **fields)


_SPLIT = ("queues", "tasks")
SPANS = ("escalate_after", "clear_after", "cooldown")
"""Spans that hold for all alerts; see `dutiful.core.alerting.decide.Policy`."""


def read_limits(table: object) -> Limits:
    """Read limits from a table of a file or keyword arguments; BadOption names what is wrong.

    >>> read_limits({"queue-age": {"above": "10m", "for": "1m"}}).rules["queue-age"]["hold"]
    60000000
    """
    if table in ("off", "on", True, False):
        return Limits(on=table in ("on", True))
    given = _table(table, "alerts")
    general = {name: name.replace("-", "_") for name in given}
    spans = {general[name]: span(value) for name, value in given.items() if general[name] in SPANS}
    rules = {
        name: value
        for name, value in given.items()
        if name not in _SPLIT and general[name] not in SPANS
    }
    return Limits(
        spans=spans,
        rules=_rules(rules, "alerts"),
        queues=_by_name(given.get("queues", {}), "alerts.queues"),
        tasks=_by_name(given.get("tasks", {}), "alerts.tasks"),
    )


def _by_name(value: object, where: str) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        name: _rules(_table(rules, f"{where}.{name}"), f"{where}.{name}")
        for name, rules in _table(value, where).items()
    }


def _rules(given: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    return {
        name.replace("_", "-"): _change(value, f"{where}.{name}") for name, value in given.items()
    }


def _change(value: object, where: str) -> dict[str, Any]:
    if isinstance(value, bool) or value in ("off", "on"):
        return {"on": value in (True, "on")}
    changes: dict[str, Any] = {}
    for name, part in _table(value, where).items():
        if name == "above":
            changes |= _above(part, f"{where}.above")
        elif name in ("for", "hold"):
            changes["hold"] = span(part)
        elif name == "severity" and part in ("warning", "critical"):
            changes["severity"] = part
        elif name == "on" and isinstance(part, bool):
            changes["on"] = part
        else:
            raise BadOption(
                f"{where}.{name}={shown(part)}; there are above (a number or a span), "
                'for (a span), severity ("warning" or "critical") and on (true or false)'
            )
    return changes


def _above(value: object, where: str) -> dict[str, Any]:
    """Read a threshold; a bare number is one of seconds where the rule measures a span."""
    if isinstance(value, str | timedelta):
        return {"above": span(value), "number": None}
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
        return {"number": value}
    raise BadOption(f"{where}={shown(value)}; use a number from 0, or a span such as 10m")


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadOption(f'{where}={shown(value)}; write a table, or "off"')
    return {str(name): part for name, part in _items(value)}


def _items(table: Any) -> Iterable[tuple[Any, Any]]:
    return table.items()  # type: ignore[no-any-return]  # a dict of anything


def spell_above(rule: Rule, above: float) -> str:
    """Write the threshold of a rule for a person."""
    match rule.unit:
        case "span":
            return spell(int(above))
        case "share":
            return f"{above:.0%}"
        case _:
            return f"{above:g} times" if rule.unit == "times" else f"{above:g}"
