"""How alerts become messages: which sink gets which of them, and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, cast

import msgspec

from dutiful.core.errors import BadOption
from dutiful.core.instant import HOUR, MINUTE, SECOND, span
from dutiful.core.notification import Severity
from dutiful.core.sink_url import LOG, NAME, WRITE_NAMES, without_urls
from dutiful.core.text import shown

_PATTERN = re.compile(r"[A-Za-z0-9_*?\[\]!-]{1,260}")
_EXAMPLE = "night.severity=critical night.escalation=30m chat.rules=queue-*,dead-letters"
_OPTIONS = (
    'there are severity ("warning" or "critical"), rules (names or patterns) and escalation '
    "(true, or a span from 1s)"
)
_WORDS = {"true": True, "on": True, "false": False, "off": False}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink gets; by default a message about each alert when it fires."""

    severity: Severity = "warning"
    """``critical``: only critical alerts."""
    rules: tuple[str, ...] = ("*",)
    """Patterns of the names of rules, as of file names: ``queue-*``."""
    escalation: bool = False
    """Only alerts that still fire some time after they were announced."""
    after: int | None = None
    """That time in microseconds; None: the general ``escalate_after``."""

    def takes(self, rule: str, severity: Severity) -> bool:
        """Whether alerts of a rule and a severity go to the sink."""
        if self.severity == "critical" and severity != "critical":
            return False
        return any(fnmatchcase(rule, pattern) for pattern in self.rules)


EVERYTHING = Route()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How alerts become messages; spans are microseconds."""

    sinks: tuple[str, ...] = ()
    """The names of all sinks."""
    routes: Mapping[str, Route] = {}
    """What each sink gets, by name; one that is not named here gets everything."""
    escalate_after: int = 30 * MINUTE
    clear_after: int = 30 * SECOND
    """For how long a condition must be gone before its alert is resolved."""
    cooldown: int = 5 * MINUTE
    """Between two messages that the same alert fires."""
    flapping: int = 3
    """An alert that fired so often within ``flapping_window`` must be clear for longer."""
    flapping_window: int = HOUR
    flapping_clear: int = 10 * MINUTE
    store: str = ""
    """The store's address, without any secret."""

    def sinks_for(self, rule: str, severity: Severity) -> tuple[str, ...]:
        """Return the names of the sinks that get a message when such an alert fires."""
        routes = ((name, self.routes.get(name, EVERYTHING)) for name in self.sinks)
        return tuple(
            name for name, one in routes if one.takes(rule, severity) and not one.escalation
        )


def read_route(given: Mapping[str, Any], where: str) -> Route:
    """Read the options of one sink; BadOption names what is wrong.

    >>> read_route({"severity": "critical", "escalation": "30m"}, "night").after
    1800000000
    """
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if name == "severity" and value in ("warning", "critical"):
            fields["severity"] = value
        elif name == "rules":
            fields["rules"] = _patterns(value, f"{where}.rules")
        elif name == "escalation":
            fields |= _escalation(value, f"{where}.escalation")
        else:
            raise BadOption(f"{where}.{name}={_said(value)}; {_OPTIONS}")
    return Route(**fields)


def read_routes(value: object) -> dict[str, Route]:
    """Read the routes by sink, from a mapping or from a text ``SINK.OPTION=VALUE ...``.

    >>> read_routes("chat.rules=queue-*,dead-letters")["chat"].rules
    ('queue-*', 'dead-letters')
    """
    given: dict[str, Any] = _of_text(value) if isinstance(value, str) else _table(value)
    found: dict[str, Route] = {}
    for name, options in given.items():
        if not NAME.fullmatch(name):
            raise BadOption(f"{_said(name)} names no sink; {WRITE_NAMES}")
        if name == LOG:
            raise BadOption("the sink 'log' gets every alert; its lines have their level")
        found[name] = options if isinstance(options, Route) else read_route(_table(options), name)
    return found


def _of_text(text: str) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for part in text.split():
        place, mark, value = part.partition("=")
        sink, dot, option = place.partition(".")
        if not (mark and dot):
            raise BadOption(f"{_said(part)}; write SINK.OPTION=VALUE, such as {_EXAMPLE}")
        if option in found.setdefault(sink, {}):
            raise BadOption(f"{sink}.{option} is given twice")
        found[sink][option] = value
    return found


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadOption(f'{_said(value)}; write a table such as {{ severity = "critical" }}')
    return {str(name): part for name, part in _items(value)}


def _items(table: Any) -> Iterable[tuple[Any, Any]]:
    return table.items()  # type: ignore[no-any-return]  # a mapping of anything


def _said(value: object) -> str:
    """Show a value, without the URL that may have been written in the wrong place."""
    return without_urls(shown(value))


def _patterns(value: Any, where: str) -> tuple[str, ...]:
    parts: Any = value.split(",") if isinstance(value, str) else value
    parts = cast("list[object]", parts) if isinstance(parts, list | tuple) else []
    found = tuple(one for one in parts if isinstance(one, str) and _PATTERN.fullmatch(one))
    if not found or len(found) != len(parts):
        raise BadOption(f"{where}={_said(value)}; write names of rules, or patterns as queue-*")
    return found


def _escalation(value: Any, where: str) -> dict[str, Any]:
    value = _WORDS.get(value, value) if isinstance(value, str) else value
    if isinstance(value, bool):
        return {"escalation": value}
    if (after := span(value)) < SECOND:
        raise BadOption(f"{where}={_said(value)}; use true, or a span from 1s")
    return {"escalation": True, "after": after}
