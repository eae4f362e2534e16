"""Checks, before anything is written, whether jobs can be stored on a caller's connection."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from dutiful.core.errors import BadPayload, EngineError, UsageError
from dutiful.engines._sql.caller_errors import ABORTED, no_transaction
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections import errors
from dutiful.engines.postgres.statements import literal

from .sql_text import encodings

T = TypeVar("T")
_DOING = "enqueueing on your connection"

CLOSED = "your connection is closed; pass one that is open"
_READ_ONLY = (
    "your transaction is read-only (or its server a standby); enqueue in one that may write"
)
_PIPELINE = (
    "your connection is in pipeline mode, which only psycopg's own connections may be in here; "
    "end the pipeline first"
)
_AGAIN = (
    "your transaction conflicts with another one and cannot go on: roll it back and run it again, "
    "as after any serialization failure"
)
_BY_STATE = {"25P02": ABORTED, "25006": _READ_ONLY}


def translate_error(
    error: BaseException, *, state: str | None = None
) -> EngineError | BadPayload | UsageError:
    """Translate an error of the caller's library into one of Dutiful's.

    ``state`` is the server's code, passed for libraries whose errors do not have it.
    """
    state = state or getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if (words := _BY_STATE.get(state or "")) is not None:
        return UsageError(words)
    ours = errors.translate_error(error, _DOING, state=state)
    return errors.Contended(f"{ours}; {_AGAIN}") if isinstance(ours, errors.Contended) else ours


@contextmanager
def translated(*kinds: type[BaseException]) -> Generator[None]:
    """Raise errors of a library as Dutiful's."""
    theirs: tuple[type[BaseException], ...] = (*kinds, OSError)
    try:
        yield
    except UnicodeEncodeError as error:
        raise BadPayload(
            f"{_DOING}: your connection's encoding lacks a character: {error}"
        ) from error
    except theirs as error:
        raise translate_error(error) from error


def demand_transaction(kind: str, advice: str, *, open: bool) -> None:
    """Refuse a connection on which each statement commits by itself."""
    if not open:
        raise UsageError(no_transaction(kind, advice))


def demand_no_pipeline(driver: Any) -> None:
    """Refuse a psycopg connection in pipeline mode under a library that does not know pipelines."""
    status = getattr(getattr(driver, "pgconn", None), "pipeline_status", None)
    if status:
        raise UsageError(_PIPELINE)


def in_its_encoding(driver: Any, plans: Callable[[Any], Plan[T]]) -> Plan[T]:
    """Run a plan with the client encoding in which the driver writes.

    The application may have set another. An error undoes our setting, too: it ends the savepoint.
    """
    if (differ := encodings(driver)) is None:
        return (yield from plans(driver))
    present, writes = differ
    yield Statement(f"SET LOCAL client_encoding TO {literal(writes)}")
    result = yield from plans(driver)
    yield Statement(f"SET LOCAL client_encoding TO {literal(present)}")
    return result
