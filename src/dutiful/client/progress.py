"""Reporting to a caller how far a call has come, in a thread where the caller can use the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from dutiful.contract.blocked import Blocked, who_waits
from dutiful.core.errors import BadOption
from dutiful.core.text import shown

from .async_or_not import is_async

P = TypeVar("P", bound=Callable[..., object])

_LOOK_SECONDS = 1.0


def checked_progress(progress: P | None, takes: str) -> P | None:
    """Return a function that is called after each batch; BadOption for anything else.

    ``takes`` says what it is called with.
    """
    if progress is None:
        return None
    if not callable(progress):
        raise BadOption(f"progress={shown(progress)}; give a function of {takes}")
    if is_async(progress):
        raise BadOption(
            f"progress={shown(progress)} is async, and would not be awaited; give a plain "
            f"function of {takes}"
        )
    return progress


async def tell(call: Callable[[], object]) -> None:
    """Call a user's function where its caller is; what it raises is raised here.

    For a sync method that is the thread that waits for it, which may use sync methods itself. For
    an async one it is this loop.
    """
    waiting = who_waits()
    if waiting is None or not waiting.waits:
        call()
        return
    telling = _Telling(call)
    waiting.ask(telling)
    await telling.told_by(waiting)


class _Telling:
    """A call for a thread that waits, in the form of a question."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._error: Future[BaseException | None] = Future()
        self.over = False

    def next(self) -> float:
        return 0.0

    def look(self) -> None:
        """Make the call, in the thread that waits."""
        self.over = True
        error: BaseException | None = None
        try:
            self._call()
        except Exception as raised:  # noqa: BLE001 - raised again in the reporting call
            error = raised
        except BaseException:  # such as Ctrl-C, which would end the thread of the event loop
            error = asyncio.CancelledError()
            raise
        finally:
            self._error.set_result(error)

    async def told_by(self, waiting: Blocked) -> None:
        """Wait for the call; make it here if that thread has stopped waiting before it began."""
        answer: asyncio.Future[Any] = asyncio.wrap_future(self._error)
        while not answer.done():
            waits = waiting.waits
            await asyncio.wait([answer], timeout=_LOOK_SECONDS)
            if not waits and not self._error.done():
                answer.cancel()
                self._call()
                return
        if (error := answer.result()) is not None:
            raise error
