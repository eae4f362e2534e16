"""What becomes of a step that has run and cannot be recorded."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from dutiful.core.errors import ClaimLost, EngineError, StepNotRecorded

STEP_NAME_MAX = 500


@contextmanager
def recording(name: str) -> Generator[None]:
    """Raise StepNotRecorded for what no repetition would mend.

    A claim that is lost and a store that cannot be used are told as they are.
    """
    try:
        yield
    except (ClaimLost, StepNotRecorded):
        raise
    except Exception as error:
        if isinstance(error, EngineError) and type(error) is not EngineError:
            raise
        raise StepNotRecorded(
            f"step {name!r} has run, and its result cannot be recorded: {_text(error)}; the job "
            "is not tried again, since that would repeat the step"
        ) from error


def _text(error: Exception) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - what is wrong with the text is not the point here
        return type(error).__name__
