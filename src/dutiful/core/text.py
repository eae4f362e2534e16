"""Which texts a store can hold."""

from __future__ import annotations

from .errors import BadOption


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
