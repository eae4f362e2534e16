"""Captures what a task logs while its attempt runs, so that it is stored with the attempt's end.

Nothing here is used for a task whose lines are not captured. While a captured attempt runs, the
root logger has one more handler; which attempt a line belongs to is known by a context variable.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import ContextVar
from time import time_ns
from typing import Any

import msgspec
from msgspec.structs import replace

from dutiful.core.job import Claim, Job
from dutiful.core.redaction import Path, secrets_of
from dutiful.core.secret_texts import Secrets
from dutiful.core.task_log import (
    MESSAGE_CHARACTERS,
    NAME_CHARACTERS,
    KeptLines,
    LogLine,
    cut,
    storable,
)
from dutiful.core.text import worded

from .error_text import trace_of

TRACEBACK_CHARACTERS = 4_000
_LOCK_SECONDS = 1.0
"""A copy of the process that was forked while the lock was held must not wait for it."""
_HARMLESS = (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)
"""What the code of a record may raise; an interruption of the attempt is none of these."""


class Capture(msgspec.Struct, frozen=True):
    """What is captured of a task's attempts, for this process or for a child."""

    level: int
    sensitive: tuple[Path, ...] = ()
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show it without the secrets."""
        return f"Capture({self.level!r})"


class AttemptLog:
    """The lines of one attempt; may be added to from any thread until it is closed."""

    def __init__(self, job: Job, capture: Capture) -> None:
        """Start empty."""
        self.capture = capture
        self._job = job
        self._kept = KeptLines()
        self._hidden: Secrets | None = None
        self._lock = threading.RLock()  # a finalizer may log while a line is added
        self._writing = threading.local()
        self._installed = self._closed = False

    def enter(self) -> None:
        """Capture what is logged in the present context from now on."""
        with self._lock:
            if not (self._installed or self._closed):
                self._installed = True
                _HANDLER.install()
        CAPTURING.set(self)

    def close(self) -> tuple[LogLine, ...]:
        """Return what was kept, and take no more lines; may be called again."""
        with self._lock:
            if self._installed and not self._closed:
                _HANDLER.uninstall()
            self._closed = True
            return self._kept.kept()

    def lines(self) -> tuple[LogLine, ...]:
        """Return what is kept so far."""
        with self._lock:
            return self._kept.kept()

    def take(self, lines: tuple[LogLine, ...]) -> None:
        """Add lines that a child process has captured."""
        with self._lock:
            for line in () if self._closed else lines:
                self._kept.add(line)

    def add(self, record: logging.LogRecord) -> None:
        """Keep a record's line; whatever the record's code does, this does not fail."""
        if record.levelno < self.capture.level or getattr(self._writing, "now", False):
            return
        self._writing.now = True  # a record whose own code logs is written once
        try:
            line = self._line(record)
        except _HARMLESS as error:
            why = f"(a line could not be written: {worded(error, 200)})"
            line = LogLine(self._job.attempt, time_ns() // 1000, "warning", "dutiful", why)
        finally:
            self._writing.now = False
        if self._lock.acquire(timeout=_LOCK_SECONDS):
            try:
                if not self._closed:
                    self._kept.add(line)
            finally:
                self._lock.release()

    def _line(self, record: logging.LogRecord) -> LogLine:
        text = self._clean(_message(record), MESSAGE_CHARACTERS)
        if trace := _traceback(record):
            text = f"{text}\n{self._clean(trace, TRACEBACK_CHARACTERS)}"
        return LogLine(
            attempt=self._job.attempt,
            at=int(record.created * 1_000_000),
            level=storable(cut(str(record.levelname), NAME_CHARACTERS)).lower(),
            logger=storable(cut(str(record.name), NAME_CHARACTERS)),
            message=text,
        )

    def _clean(self, text: str, most: int) -> str:
        """Cut a text, hide what is sensitive in it, and make it storable."""
        if self._hidden is None:
            job, how = self._job, self.capture
            self._hidden = secrets_of(job.args, job.meta, how.sensitive, also=how.secrets)
        text = cut(text, most)
        return storable(self._hidden.hide(text) if self._hidden else text)


CAPTURING: ContextVar[AttemptLog | None] = ContextVar("dutiful_captured_log", default=None)


def claim_with_log(claim: Claim, log: AttemptLog | None) -> Claim:
    """End the capture of an attempt, and return its claim with what was captured."""
    lines = () if log is None else log.close()
    return replace(claim, log=lines) if lines else claim


class _Capturing(logging.Handler):
    """Gives each record to the attempt in whose context it was made."""

    def __init__(self) -> None:
        """Be installed nowhere."""
        super().__init__()
        self._users = 0
        self._changing = threading.Lock()

    def install(self) -> None:
        """Be a handler of the root logger for one more attempt."""
        with self._changing:
            self._users += 1
            # Each time, since a task may set up logging, which removes handlers.
            logging.getLogger().addHandler(self)

    def uninstall(self) -> None:
        """Be removed when the last of the attempts has ended."""
        with self._changing:
            self._users -= 1
            if not self._users:
                logging.getLogger().removeHandler(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Capture a record without this handler's lock: one slow record must not block others."""
        log = CAPTURING.get()
        if log is not None:
            log.add(record)
        last = logging.lastResort
        if last is not None and record.levelno >= last.level and self._alone(record.name):
            last.handle(record)  # as `logging` does where there is no handler
        return True

    def _alone(self, name: Any) -> bool:
        """Whether no other handler is given the records of a logger."""
        known = logging.root.manager.loggerDict.get(name)
        at: logging.Logger | None = known if isinstance(known, logging.Logger) else logging.root
        while at is not None:
            if any(one is not self for one in at.handlers):
                return False
            at = at.parent if at.propagate else None
        return True


_HANDLER = _Capturing()


def _message(record: logging.LogRecord) -> str:
    if not record.args and type(record.msg) is str:
        return record.msg
    try:
        return str.__str__(record.getMessage())
    except _HARMLESS as error:
        template = cut(record.msg, 200) if type(record.msg) is str else ""
        return f"{template} (its arguments do not fit: {worded(error, 200)})".lstrip()


def _traceback(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        text = trace_of(error).rstrip()
    else:
        text = str(record.exc_text or "")
    return "\n".join(filter(None, (text, record.stack_info and str(record.stack_info))))
