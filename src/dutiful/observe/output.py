"""The worker's own log handler: set up where the program has none, and never a second line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import msgspec

from dutiful.core.secret_texts import Secrets, secrets

from .formats import ConsoleLayout, JsonLayout

About = Callable[[], tuple[Mapping[str, Any], Secrets]]
"""Returns the fields of the job in which a line is logged, and what must not be in the line."""


class LogSetup(msgspec.Struct, frozen=True):
    """What a process needs to write lines as another one does."""

    level: str
    format: str
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show it without the secrets."""
        return f"LogSetup({self.level!r}, {self.format!r})"


class Output(logging.StreamHandler[TextIO]):
    """Writes lines to standard error, each with the fields of its job.

    It changes no record, since other handlers may be given it as well. What another handler writes
    to a terminal or standard stream below the root logger is left out.
    """

    def __init__(self, setup: LogSetup, about: About) -> None:
        """Write what ``setup`` says to standard error as it is now."""
        super().__init__(sys.stderr)
        self.setup = setup
        self.worker: str | None = None
        """The worker of this process, once it has joined."""
        self._about = about
        self._hidden = secrets(setup.secrets)
        terminal = _is_terminal(self.stream)
        self._layout = (
            JsonLayout()
            if setup.format == "json"
            else ConsoleLayout(terminal=terminal, coloured=terminal and _colours_wanted())
        )

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out what is written to a standard stream already."""
        return bool(super().filter(record)) and not _written(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        fields, hidden = self._about()
        about = fields if self.worker is None else {"worker": self.worker, **fields}
        if isinstance(self._layout, ConsoleLayout):
            about = {name: value for name, value in about.items() if name in _SHOWN}
        return self._layout.line(record, about, _joined(self._hidden, hidden))


_SHOWN = ("job", "task", "attempt")
"""What people are shown of the job; the rest is found by its id."""


def set_up(setup: LogSetup, about: About) -> Output | None:
    """Write the program's log lines to standard error, unless it has set up logging itself.

    The program has where its root logger has handlers: then None is returned, and nothing changes.
    Where only loggers below it have handlers, what these write is not written a second time.
    """
    root = logging.getLogger()
    # A dictConfig of the user's disables the loggers that it does not name.
    logging.getLogger("dutiful").disabled = False
    if root.handlers:
        return None
    output = Output(setup, about)
    root.addHandler(output)
    root.setLevel(setup.level.upper())
    return output


def installed() -> Output | None:
    """Return the worker's own handler, where it is in use."""
    found = (one for one in logging.getLogger().handlers if isinstance(one, Output))
    return next(found, None)


def _written(record: logging.LogRecord) -> bool:
    """Whether a handler below the root logger has written a record to a standard stream."""
    known = logging.root.manager.loggerDict.get(record.name)
    at = known if isinstance(known, logging.Logger) else logging.getLogger(record.name)
    while at.parent is not None:
        if any(_writes(one) and record.levelno >= one.level for one in at.handlers):
            return True
        at = at.parent
    return False


def _writes(handler: logging.Handler) -> bool:
    stream = getattr(handler, "stream", None)
    standard = (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)
    # Rich's handler, for one, has a console instead of a stream.
    return any(stream is one for one in standard if one is not None) or hasattr(handler, "console")


def _joined(ours: Secrets, other: Secrets) -> Secrets:
    return Secrets((*ours.texts, *other.texts), ours.many or other.many) if other else ours


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def _colours_wanted() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
