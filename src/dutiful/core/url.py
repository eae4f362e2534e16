"""A store's URL as it may be shown."""

from __future__ import annotations

import re

_SECRET = re.compile(r"([?&][^=&]*(?:password|secret)[^=&]*=)[^&#]*", re.IGNORECASE)


def public(url: str | None) -> str:
    """Return a URL that may be shown: without a password, in any part of it.

    >>> public("postgresql://me:hunter2@db/shop?password=hunter2")
    'postgresql://me:***@db/shop?password=***'
    """
    plain, mark, query = (url or "").partition("?")
    head, slashes, rest = plain.partition("://")
    server, at, tail = rest.rpartition("@")
    user, colon, _ = server.partition(":")
    shown = f"{user}:***" if colon else server
    return head + slashes + shown + at + tail + _SECRET.sub(r"\1***", mark + query)


def struct_text(struct: object, fields: tuple[str, ...], secret: str) -> str:
    """Write a record as its own repr does, without the password of the URL in field ``secret``."""
    parts: list[str] = []
    for name in fields:
        value = getattr(struct, name)
        shown = public(value) if name == secret and isinstance(value, str) else value
        parts.append(f"{name}={shown!r}")
    return f"{type(struct).__qualname__}({', '.join(parts)})"
