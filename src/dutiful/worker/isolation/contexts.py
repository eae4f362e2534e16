"""A context for each attempt: a copy of the worker's first one, without changes of other jobs."""

from __future__ import annotations

import contextvars
import decimal
from collections.abc import Callable


class Contexts:
    """Makes copies of the context in which the worker was started."""

    fresh: Callable[[], contextvars.Context]
    """Returns a copy for one attempt."""

    def __init__(self) -> None:
        """Remember the present context, with what the program has set in it."""
        self._base = contextvars.copy_context()
        # A copy shares its values, and this value is changed in place: getcontext().prec = 4.
        shared = any(variable.name == "decimal_context" for variable in self._base)
        self._decimal = self._base.run(decimal.getcontext).copy() if shared else None
        self.fresh = self._base.copy if self._decimal is None else self._with_decimal

    def _with_decimal(self) -> contextvars.Context:
        context = self._base.copy()
        if self._decimal is not None:
            context.run(decimal.setcontext, self._decimal.copy())
        return context
