"""How many levels JSON may have, found without walking through it in Python."""

from __future__ import annotations

import re

DEPTH_MAX = 64
SHALLOW_BYTES = 2 * DEPTH_MAX
"""JSON up to here cannot be deeper: each level has two brackets."""
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def deep(raw: bytes) -> bool:
    """Whether valid JSON has more than `DEPTH_MAX` levels of arrays and objects.

    >>> deep(b"[" * 64 + b"]" * 64), deep(b"[" * 65 + b"]" * 65)
    (False, True)
    """
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return False
    brackets = _TEXT.sub(b"", raw).translate(_SQUARE, _NO_BRACKET)
    for _ in range(DEPTH_MAX):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # the innermost level of each branch
    return bool(brackets)
