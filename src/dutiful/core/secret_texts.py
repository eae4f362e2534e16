"""Secret values, and texts for people without them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import quote, quote_plus

import msgspec

HIDDEN = "***"
SHORTEST = 4
"""Shorter values are not searched for in texts: they occur there by chance."""
SECRETS_MAX = 200
"""With more sensitive values than these, a text of the job is hidden completely."""
_FORMS_MAX = 1_000
_LONG = 16
"""Of a longer value, a part that begins or ends it and is as long as this is hidden as well."""
_CUT = re.compile(r"\n\.\.\. [0-9]+ characters left out \.\.\.\n")


class Secrets(msgspec.Struct, frozen=True):
    """Values that no text for people may contain."""

    texts: tuple[str, ...] = ()
    many: bool = False
    """Whether there were too many to search for: then every text is hidden completely."""

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self.texts) or self.many

    def __repr__(self) -> str:
        """Show how many there are, and none of them."""
        return f"<{len(self.texts)} secrets>"

    def hide(self, text: str) -> str:
        """Return a text without these values, as they are and as repr, JSON and URLs write them.

        >>> Secrets(("hunter2",)).hide("login me:hunter2 failed")
        'login me:*** failed'
        """
        if self.many:
            return HIDDEN if text else text
        for secret in self.texts:
            text = _without(text, secret)
        return text

    def hide_in(self, value: Any) -> Any:
        """Do so in every text of a value of plain JSON; a number that is a secret is hidden."""
        if not self:
            return value
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict | list | tuple):
            return rebuilt(value, lambda _, part: self.hide_in(part))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return HIDDEN if self.many or str(value) in self.texts else value
        return value


NO_SECRETS = Secrets()


def secrets(texts: Iterable[str]) -> Secrets:
    """Gather values to search for, in every form in which a text may contain them."""
    forms: set[str] = set()
    for text in texts:
        if len(text) < SHORTEST:
            continue
        if len(forms) > _FORMS_MAX:
            return Secrets((), many=True)
        forms |= {text, repr(text)[1:-1], json.dumps(text)[1:-1]}
        forms.add(json.dumps(text, ensure_ascii=False)[1:-1])
        encoded = text.encode("utf-8", "backslashreplace")
        forms |= {quote(encoded, safe=""), quote(encoded), quote_plus(encoded)}
    return Secrets(tuple(sorted(forms, key=lambda form: (-len(form), form))))


def named(value: dict[str, Any] | list[Any]) -> Iterable[tuple[str, Any]]:
    """Return the parts of an object or a list with their names; those of items are numbers."""
    if isinstance(value, dict):
        return value.items()
    return ((str(place), part) for place, part in enumerate(value))


def rebuilt(value: Any, change: Callable[[str, Any], Any]) -> Any:
    """Return a value of plain JSON with each of its parts changed."""
    if isinstance(value, dict):
        return {name: change(name, part) for name, part in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        parts = [change(name, part) for name, part in named(list(cast("list[Any]", value)))]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def _without(text: str, secret: str) -> str:
    if secret in text:
        text = text.replace(secret, HIDDEN)
    if len(secret) > _LONG:
        text = _without_part(text, secret, secret[:_LONG], ends=False)
        text = _without_part(text, secret, secret[-_LONG:], ends=True)
    return _without_cut(text, secret)


def _without_part(text: str, secret: str, part: str, *, ends: bool) -> str:
    """Hide what is left of a long value where a text was cut short in it."""
    at = text.find(part)
    while at >= 0:
        first, last = at, at + len(part)
        if ends:
            way = zip(reversed(text[:first]), reversed(secret[: -len(part)]), strict=False)
        else:
            way = zip(text[last:], secret[len(part) :], strict=False)
        same = 0
        for one, other in way:
            if one != other:
                break
            same += 1
        first, last = (first - same, last) if ends else (first, last + same)
        text = text[:first] + HIDDEN + text[last:]
        at = text.find(part, first + len(HIDDEN))
    return text


def _without_cut(text: str, secret: str) -> str:
    """Hide the beginning of a value at the place where a text was cut, and its end behind it."""
    cut = _CUT.search(text)
    before, after = (text, "") if cut is None else (text[: cut.start()], text[cut.end() :])
    longest = min(len(secret) - 1, _LONG)
    for length in range(longest, SHORTEST - 1, -1):
        if before.endswith(secret[:length]):
            before = before[:-length] + HIDDEN
            break
    if cut is None:
        return before
    for length in range(longest, SHORTEST - 1, -1):
        if after.startswith(secret[-length:]):
            after = HIDDEN + after[length:]
            break
    return before + cut[0] + after
