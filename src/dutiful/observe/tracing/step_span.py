"""The span of a step, which is current while its function runs."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from types import TracebackType

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from dutiful.core.outcome import Signal
from dutiful.core.retry import Retry
from dutiful.core.text import type_name

from .attributes import Attributes


class StepSpan:
    """A context manager that raises nothing of its own."""

    def __init__(
        self, tracer: Tracer, name: str, attributes: Attributes, broke: Callable[[Exception], None]
    ) -> None:
        """Begin nothing yet."""
        self._tracer, self._name, self._attributes = tracer, name, attributes
        self._broke = broke
        self._span: Span | None = None
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        """Begin the span and make it current."""
        try:
            span = self._tracer.start_span(self._name, attributes=self._attributes)
            self._span, self._token = span, attach(set_span_in_context(span))
        except Exception as error:  # noqa: BLE001 - the step has to run
            self._broke(error)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the span, with the type of an error that is one."""
        token, span = self._token, self._span
        # A coroutine that is closed may be closed in another context.
        if token is not None and not isinstance(error, GeneratorExit):
            detach(token)
        if span is None:
            return
        try:
            if isinstance(error, Exception) and _is_failure(error):
                span.set_attribute("error.type", type_name(error))
                span.set_status(Status(StatusCode.ERROR))
            span.end()
        except Exception as fault:  # noqa: BLE001 - the step has run
            self._broke(fault)


def _is_failure(error: Exception) -> bool:
    return isinstance(error, Retry) or not isinstance(error, Signal)
