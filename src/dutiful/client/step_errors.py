"""What is raised for a step that has run and cannot be recorded."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from dutiful.core.errors import ClaimLost, EngineError, StepNotRecorded
from dutiful.core.text import own_text

STEP_NAME_MAX = 500


@contextmanager
def recording(name: str) -> Generator[None]:
    """Raise StepNotRecorded for an error that another try would raise again.

    A lost claim and a store that cannot be used are raised as they are.
    """
    try:
        yield
    except (ClaimLost, StepNotRecorded):
        raise
    except Exception as error:
        if isinstance(error, EngineError) and type(error) is not EngineError:
            raise
        text = own_text(error) or type(error).__name__
        raise StepNotRecorded(
            f"step {name!r} has run, and its result cannot be recorded: {text}; the job "
            "is not tried again, since that would repeat the step"
        ) from error
