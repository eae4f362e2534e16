"""How values of settings are checked and shown."""

from __future__ import annotations

import re
from typing import Any

from .core.errors import BadOption
from .core.instant import spell
from .core.text import shown
from .core.url import public

_WHOLE = re.compile("[0-9]{1,12}")


def at_least(length: int, least: int) -> int:
    """Return a span; BadOption where it is too short."""
    if length < least:
        raise BadOption(f"use {spell(least)} or more")
    return length


def shown_value(value: object) -> str:
    """Write a value, without the secrets of a URL that was given in the wrong place."""
    return shown(public(value) if isinstance(value, str) and "://" in value else value)


def hidden_value(value: object) -> str:
    """Hide a URL completely: in a wrong URL it is not known which part is the password."""
    return shown(value) if isinstance(value, int | float) else "***"


def count(value: Any, most: int) -> int:
    """Read a whole number from 1; BadOption for anything else."""
    text = str(value) if type(value) is int and 0 <= value <= most else value
    if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
        raise BadOption(f"use a whole number from 1 to {most:,}")
    number = int(text)
    if not 1 <= number <= most:
        raise BadOption(f"use a whole number from 1 to {most:,}")
    return number
