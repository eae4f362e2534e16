"""What of a W3C trace context is read, and that it is written as it was read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import NonRecordingSpan, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dutiful.core.trace_context import LENGTH_MAX, TraceContext, trace_context, trace_id

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        GOOD[:-1],
        f"{GOOD}-",
        f"{GOOD}-what-the-future-brings",
        GOOD.upper(),
        f" {GOOD}",
        f"{GOOD}\n",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01-{'x' * LENGTH_MAX}",
        7,
        None,
        b"00",
        ["00"],
    ],
)
def test_what_is_no_context_is_none(text: Any) -> None:
    assert trace_context({"traceparent": text}) is None
    assert trace_id({"traceparent": text}) is None


def test_versions_of_the_future_are_read_as_far_as_they_are_known() -> None:
    found = trace_context({"traceparent": f"cc-{TRACE}-{SPAN}-01-what"})
    assert found == TraceContext(TRACE, SPAN, 1)
    assert trace_context({}) is None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("congo=t61rcWkgMzE", (("congo", "t61rcWkgMzE"),)),
        ("rojo=1,congo=2", (("rojo", "1"), ("congo", "2"))),
        ("rojo=1 , \tcongo=2,,", (("rojo", "1"), ("congo", "2"))),
        ("fw529a3039@dt=FfffffB;x", (("fw529a3039@dt", "FfffffB;x"),)),
        ("rojo=1,rojo=2", ()),
        ("rojo", ()),
        ("ROJO=1", ()),
        ("rojo=a=b", ()),
        ("rojo=é", ()),
        ("rojo=1\n", ()),
        ("a=" + "x" * 600, ()),
        (",".join(f"k{number}=1" for number in range(33)), ()),
        (7, ()),
    ],
)
def test_a_state_is_read_as_a_whole_or_not_at_all(text: Any, state: tuple[Any, ...]) -> None:
    found = trace_context({"traceparent": GOOD, "tracestate": text})
    assert found is not None
    assert found.state == state
    assert found.trace_id == TRACE


def test_a_state_that_is_too_long_is_not_written() -> None:
    state = (("a", "x" * 300), ("b", "x" * 300))
    assert TraceContext(TRACE, SPAN, 1, state).headers() == {"traceparent": GOOD}


KEYS = st.from_regex(r"\A[a-z][a-z0-9_*/-]{0,8}\Z")
VALUES = st.from_regex(r"\A[!-+\--<>-~]{1,9}\Z")


@given(
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 3),
    st.dictionaries(KEYS, VALUES, max_size=10),
)
def test_other_libraries_read_what_is_written(
    trace: int, span: int, flags: int, state: dict[str, str]
) -> None:
    written = TraceContext(f"{trace:032x}", f"{span:016x}", flags, tuple(state.items()))
    assert trace_context(written.headers()) == written
    read = get_current_span(TraceContextTextMapPropagator().extract(written.headers()))
    assert isinstance(read, NonRecordingSpan)
    context = read.get_span_context()
    assert (context.trace_id, context.span_id, int(context.trace_flags)) == (trace, span, flags)
    assert dict(context.trace_state) == state


@given(st.text(), st.text())
def test_no_text_is_an_error(parent: str, state: str) -> None:
    found = trace_context({"traceparent": parent, "tracestate": state})
    assert found is None or trace_context(found.headers()) is not None
