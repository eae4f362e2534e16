"""Translates PostgreSQL's errors into Dutiful's, each with what to do."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from dutiful.core.errors import (
    BadPayload,
    EngineError,
    EngineUnavailable,
    ReplyUnknown,
    SchemaMismatch,
    StoreUnusable,
)

_RETRYABLE = ("40001", "40P01")
_DUPLICATE = "23505"
_DIVISION = "22012"
_OUTDATED = ("42703", "42883")
CONFIGURATION = {
    "28P01": "the password is wrong; see the user and password in the URL, or PGPASSWORD",
    "28000": "the server refuses this user; see pg_hba.conf and the user in the URL",
    "3D000": "there is no such database; create it, or see the name in the URL",
    "3F000": "there is no such schema; run `dutiful migrate`, or see schema= in the URL",
    "42501": "the role lacks a right; see `dutiful migrate --sql` and the guide on PostgreSQL",
    "42P01": "the store's tables are missing; run `dutiful migrate`",
    "08P01": "the server or a pooler before it refuses a setting; see what the URL asks for",
    "SSL": "the connection cannot be made safe; see sslmode= and sslrootcert= in the URL",
    "URL": "correct the URL",
    "25006": "the server takes no writes (a replica, or default_transaction_read_only is on); "
    "point the URL at the primary",
    "42000": "the server refuses a setting; see what the URL asks for",
    "refused": "the server refuses the connection for good; correct the URL or the server",
}
"""What an operator has to correct, by the server's code, or by our own word for libpq's errors."""

_NUL = "PostgreSQL's text cannot hold NUL characters; take them out"
_VALUES = {
    "22021": _NUL,
    "22P05": "the database's text lacks this character: it is NUL, or the encoding is not UTF8",
    "22003": "a number is beyond what PostgreSQL can hold; give a smaller one",
    "22008": "a time is beyond what PostgreSQL can hold; give a nearer one",
    "54000": "a text is too long for an index; give a shorter unique key, such as its hash",
}
"""What is wrong with a value; for other codes of class 22 the server's text is used."""

_VALUE_CLASSES = ("22", "23", "44", "P0")
"""Data, constraints, checks of views, and errors of triggers: a repetition does not help."""

_SHARED = {"26000", "42P05"}
_SHARED_ADVICE = (
    "this session's prepared statements are gone, as after DISCARD ALL, or belong to others, as "
    "behind a pooler in transaction mode; open another connection, or there "
    "add pooler=yes to the URL"
)
_LOCKED = "55P03"
_FULL = "53300"

_REFUSALS = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    r"no pg_hba\.conf entry": "28000",
    'role ".*" (does not exist|is not permitted to log in)': "28000",
    "no such user": "28000",
    'database ".*" does not exist': "3D000",
    "no such database": "3D000",
    'permission denied for database ".*"': "42501",
    "unsupported startup parameter": "08P01",
    "too many (clients|connections)|remaining connection slots": "53300",
    "does not support SSL|certificate verify failed|root certificate file": "SSL",
    r"bad value for connect_timeout|invalid \w+ (value|number)": "URL",
}


class NoRoom(EngineUnavailable):
    """The server has no connection left."""


class DuplicateId(EngineUnavailable):
    """A job with that id is stored already; nothing was written."""


class NotAllStored(BadPayload):
    """One of our statements, or a trigger, has divided by zero; nothing was written.

    Our statements do so when a job's row was not stored, which only a trigger can cause.
    """


class Contended(EngineUnavailable):
    """This transaction conflicted with another and was undone; it may be repeated."""


class StatementLost(Contended):
    """The session has lost a prepared statement; nothing was done, so another may repeat it."""


class Locked(EngineUnavailable):
    """Another session holds a lock for longer than we wait; nothing was done."""


@contextmanager
def translated(doing: str, *, committing: bool = False) -> Generator[None]:
    """Raise a driver's error as Dutiful's; with ``committing`` the work may have been done."""
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise translate_error(error, doing, committing=committing) from error


def translate_error(
    error: BaseException, doing: str, *, committing: bool = False, state: str | None = None
) -> EngineError | BadPayload:
    """Translate a driver's error into one of Dutiful's.

    ``state`` is the server's code, for drivers whose errors do not have it.
    """
    text = _text(error)
    state = state or getattr(error, "sqlstate", None)
    if state in _RETRYABLE:
        return Contended(f"{doing}: {text}")
    if state == _DUPLICATE:
        return DuplicateId(f"{doing}: {text}")
    if state == _FULL:
        return NoRoom(f"{doing}: {text}")
    if state in CONFIGURATION:
        return _unusable(state, f"{doing}: {text}; {CONFIGURATION[state]}")
    if state in _OUTDATED:
        return SchemaMismatch(f"{doing}: {text}; run `dutiful migrate`, or upgrade dutiful here")
    of_a_value = state in _VALUES or (state or "").startswith(_VALUE_CLASSES)
    if of_a_value or isinstance(error, psycopg.DataError):
        kind = NotAllStored if state == _DIVISION else BadPayload
        return kind(f"{doing}: {text}; {_wrong(state, text)}")
    if state in _SHARED:
        return StatementLost(f"{doing}: {text}; {_SHARED_ADVICE}")
    if state == _LOCKED:
        return Locked(f"{doing}: {text}")
    lost = state is None or state.startswith(("08", "57P"))
    if committing and lost:
        return ReplyUnknown(f"{doing}: {text}; it may have been done")
    return EngineUnavailable(f"{doing}: {text}")


def unfit(error: Exception) -> BadPayload:
    """Return the error for a value that the driver cannot send."""
    return BadPayload(
        f"using the store: a number is too large, or a text has half of a character: {error}"
    )


def refusal_in_words(error: BaseException) -> str | None:
    """Return why a connection was refused, from the text: libpq's own errors have no code."""
    text = _text(error)
    return next((state for said, state in _REFUSALS.items() if re.search(said, text)), None)


def _wrong(state: str | None, text: str) -> str:
    """Say what is wrong with a value; the driver itself refuses NUL, without a code."""
    return (
        _NUL
        if state is None and "NUL (0x00)" in text
        else _VALUES.get(state or "", "PostgreSQL does not take such a value; give another")
    )


def _unusable(state: str, text: str) -> EngineError:
    # A server that was just demoted, or is failing over, soon accepts writes again.
    return EngineUnavailable(text) if state == "25006" else StoreUnusable(text)


def _text(error: BaseException) -> str:
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    text = str(primary or str(error) or type(error).__name__)
    return " ".join(text.split())
