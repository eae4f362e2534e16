"""The trace to which a job belongs, in its meta, by the W3C recommendation "Trace Context".

Another program may have written anything there: what cannot be read counts as no context.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

TRACEPARENT = "traceparent"
"""The entry of a job's meta with trace, span and flags."""
TRACESTATE = "tracestate"
"""The entry with what tracing systems have added of their own."""
LENGTH_MAX = 512
"""The longest of either that is read or written, in characters."""
_MEMBERS_MAX = 32
_PARENT = re.compile("([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
_KEY = "[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}"
_CHARACTER = r"\x21-\x2b\x2d-\x3c\x3e-\x7e"
_MEMBER = re.compile(rf"({_KEY})=([\x20{_CHARACTER}]{{0,255}}[{_CHARACTER}])")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class TraceContext(NamedTuple):
    """A span of a trace, and what is carried with it."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    flags: int
    state: tuple[tuple[str, str], ...] = ()

    def headers(self) -> dict[str, str]:
        """Return the entries of meta; a state that is too long is left out."""
        found = {TRACEPARENT: f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"}
        state = ",".join(f"{key}={value}" for key, value in self.state)
        if state and len(state) <= LENGTH_MAX:
            found[TRACESTATE] = state
        return found


def trace_context(meta: Mapping[str, Any]) -> TraceContext | None:
    """Read the context of a job; None where its meta has none, or none that can be read.

    >>> trace_context({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}).flags
    1
    >>> trace_context({"traceparent": "00-nonsense"}) is None
    True
    """
    text = meta.get(TRACEPARENT)
    if not isinstance(text, str) or len(text) > LENGTH_MAX:
        return None
    found = _PARENT.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, int(flags, 16), _state(meta.get(TRACESTATE)))


def trace_id(meta: Mapping[str, Any]) -> str | None:
    """Return the id of a job's trace, None where there is none that can be read."""
    if TRACEPARENT not in meta:
        return None
    found = trace_context(meta)
    return None if found is None else found.trace_id


def _state(text: Any) -> tuple[tuple[str, str], ...]:
    """Read a tracestate; one that has an error is dropped as a whole, as W3C asks."""
    if not isinstance(text, str) or not text or len(text) > LENGTH_MAX:
        return ()
    members: dict[str, str] = {}
    for part in text.split(","):
        if not (bare := part.strip(" \t")):
            continue
        found = _MEMBER.fullmatch(bare)
        if found is None or found[1] in members:
            return ()
        members[found[1]] = found[2]
    return tuple(members.items()) if len(members) <= _MEMBERS_MAX else ()
