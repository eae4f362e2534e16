"""Which texts a store can hold, and how a value that cannot be used is shown."""

from __future__ import annotations

from .errors import BadOption

_SHOWN_MAX = 80


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


def whole(text: str, what: str) -> str:
    """Return a text as it is; BadOption where it holds half of a character.

    >>> whole("order:42", "the unique key")
    'order:42'
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadOption(
            f"{what} {text!r} holds half of a character, at {error.start}; "
            'decode it anew, or write it with errors="replace"'
        ) from None
    return text
