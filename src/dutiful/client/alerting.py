"""What an app says about alerts: limits, rules of its own, and the sinks that get messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Protocol

from dutiful.core.alerting.routing import EVERYTHING, Route, read_route
from dutiful.core.alerting.rule import Condition, Limit, Limits, Rule, read_limits
from dutiful.core.alerting.rules import RULE_FAILING, RULES
from dutiful.core.alerting.sample import Sample
from dutiful.core.errors import BadOption
from dutiful.core.instant import MINUTE, SECOND, span, spell
from dutiful.core.notification import Notification
from dutiful.core.text import line, shown

RuleFunction = Callable[[Sample], Iterable[Condition]]
NAME_MAX = 60
EVERY_MIN, EVERY_MAX = SECOND // 2, MINUTE
"""How often rules may be evaluated: each time the store is asked for all that they look at."""


class AlertSink(Protocol):
    """Where messages go; ``send`` raises where a message did not arrive."""

    @property
    def name(self) -> str:
        """Identifies it in the store and in silences."""
        ...

    async def send(self, notification: Notification) -> None:
        """Send one message; called again with the same id if it is not known to have arrived."""
        ...


class Alerting:
    """The declared part of an app's alerts; read by its workers and by ``dutiful watch``."""

    def __init__(self) -> None:
        """Start with the rules that are on by default, and without sinks."""
        self.limits = Limits()
        self.every = 5 * SECOND
        """How often the rules are evaluated."""
        self.rules: dict[str, Rule] = {}
        """The app's own."""
        self.sinks: dict[str, AlertSink] = {}
        self.routes: dict[str, Route] = {}
        """Those that code gives; they win over the ones of the settings."""

    def configure(self, options: Mapping[str, Any]) -> None:
        """Change limits of rules, the spans of all alerts, or how often rules are evaluated.

        BadOption for what is unknown.
        """
        rest = {name: value for name, value in options.items() if name != "every"}
        every = span(options["every"]) if "every" in options else self.every
        if not EVERY_MIN <= every <= EVERY_MAX:
            raise BadOption(
                f"every={shown(options['every'])}; use {spell(EVERY_MIN)} to {spell(EVERY_MAX)}"
            )
        self.limits = self.limits.plus(read_limits(rest))
        self.every = every

    def add_rule(
        self, check: RuleFunction, name: str | None, about: str | None, limit: Limit
    ) -> None:
        """Add a rule of the app's own; a module that is loaded again replaces its rules."""
        default = getattr(check, "__name__", "").replace("_", "-")
        own = line(name or default, "the name of an alert rule", NAME_MAX)
        if "/" in own or own == RULE_FAILING or own in {rule.name for rule in RULES}:
            raise BadOption(f"an alert rule cannot be called {shown(own)}; choose another name")
        text = about if about is not None else (check.__doc__ or "").strip().partition("\n")[0]
        self.rules[own] = Rule(name=own, check=check, limit=limit, about=text)

    def add_sink(self, sink: AlertSink, **options: Any) -> None:
        """Send messages to a sink; the options are those of `read_route`."""
        name = line(sink.name, "the name of a sink", NAME_MAX)
        route = read_route(options, f"sink {name}")
        self.sinks[name] = sink
        self.routes.pop(name, None)
        if route != EVERYTHING:
            self.routes[name] = route

    def known(self) -> tuple[Rule, ...]:
        """Return the default rules and those of the app."""
        return (*RULES, *self.rules.values())

    def strangers(self, limits: Limits, routes: Mapping[str, Route]) -> tuple[str, ...]:
        """Return names and patterns in limits and routes that fit no rule."""
        names = {rule.name for rule in self.known()} | {RULE_FAILING}
        patterns = {one for route in routes.values() for one in route.rules}
        unfit = {one for one in patterns if not any(fnmatchcase(name, one) for name in names)}
        return tuple(sorted((limits.named() - names) | unfit))
