"""Which texts a store can hold, and how a value that cannot be used is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from .bare import bare_text
from .errors import BadOption

_SHOWN_MAX = 80
_read_name = cast(Any, type).__dict__["__name__"].__get__
_HALF = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that a terminal or a log would obey instead of showing."""
STEERING = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""The same above ASCII, with what turns the direction of writing and with halves of characters; for
a set of characters in a pattern."""
_STEERS = re.compile(f"[\x00-\x1f{STEERING}]")


def shown(value: object) -> str:
    """Write a value as Python does, cut short; its type where it cannot be written.

    >>> shown("soon"), shown("9" * 100_000) == "'" + "9" * 79 + "..."
    ("'soon'", True)
    """
    try:
        # Of a long text only the beginning is written out.
        text = repr(value[:_SHOWN_MAX] if isinstance(value, str) else value)
        cut = len(text) > _SHOWN_MAX or (isinstance(value, str) and len(value) > _SHOWN_MAX)
        return f"{text[:_SHOWN_MAX]}..." if cut else text
    except Exception:  # noqa: BLE001 - a value whose own code fails is refused by its type
        return f"a {type(value).__qualname__}"


def visible(text: str) -> str:
    r"""Make characters visible that a terminal or a log would obey, ends of lines too.

    >>> visible("red \x1b[31m alert\nline two")
    'red \\x1b[31m alert\\nline two'
    """
    if text.isprintable():
        return text
    return _STEERS.sub(lambda match: repr(match[0])[1:-1], text)


def worded(error: BaseException, most: int = 1_000) -> str:
    """Write an error as its type and its text, whatever its own code does, as a store can hold it.

    >>> worded(ValueError("no"))
    'ValueError: no'
    """
    text = own_text(error)
    text = "(its text could not be read)" if text is None else text[:most]
    return (
        f"{type_name(error)}: {text}".encode("utf-8", "backslashreplace")
        .decode()
        .replace("\0", "\\x00")
    )


def own_text(value: object) -> str | None:
    """Return a value's own text; None where its code fails."""
    try:
        return str.__str__(str(value))  # of a subclass only the text itself
    except BaseException:  # noqa: BLE001 - a broken __str__ must not hide what is being worded
        return None


def type_name(value: object) -> str:
    """Name the type of a value, whatever its class has put in the place of ``__name__``."""
    name: str = _read_name(type(value))
    return name


def whole(text: object, what: str, show: Callable[[object], str] = shown) -> str:
    """Return a text as an exact str; BadOption where it holds half of a character or a NUL.

    ``show`` writes the text into the error.

    >>> whole("order:42", "the unique key")
    'order:42'
    """
    if not isinstance(text, str):
        raise BadOption(f"{what} {show(text)} must be text")
    text = bare_text(text)
    if "\0" in text:
        raise BadOption(f"{what} {show(text)} holds a NUL, at {text.index(chr(0))}; leave it out")
    if (half := _HALF.search(text)) is not None:
        raise BadOption(
            f"{what} {show(text)} holds half of a character, at {half.start()}; "
            'decode it again, or write it with errors="replace"'
        )
    return text


def line(text: object, what: str, most: int, show: Callable[[object], str] = shown) -> str:
    """Return a text of one line; BadOption where it is empty, too long or holds control characters.

    >>> line("charge", "task name", 200)
    'charge'
    """
    text = whole(text, what, show)
    if not text:
        raise BadOption(f"{what} is empty")
    if len(text) > most:
        raise BadOption(f"{what} {show(text)} has {len(text):,} characters; use at most {most:,}")
    if (found := _CONTROL.search(text)) is not None:
        raise BadOption(
            f"{what} {show(text)} holds {found[0]!r}, at {found.start()}; use text of one line"
        )
    return text
