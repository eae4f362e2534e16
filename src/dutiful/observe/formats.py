"""The forms of a log line: for people, and one JSON object a line."""

from __future__ import annotations

import logging
import shutil
import textwrap
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from dutiful.core.instant import iso
from dutiful.core.secret_texts import Secrets
from dutiful.core.text import visible

from .record_fields import ENCODER, extras_of, plain

_WIDTH_MIN = 40
_COLOURS = {
    logging.DEBUG: "2",
    logging.INFO: "32",
    logging.WARNING: "33",
    logging.ERROR: "31",
    logging.CRITICAL: "31;1",
}
_LEVEL_WIDTH = len("WARNING")
_ORDER = ("worker", "job", "task", "queue", "attempt", "trace_id", "span_id")


class _Layout(logging.Formatter, ABC):
    """Writes one record with what is known of the job in which it was logged."""

    @abstractmethod
    def line(self, record: logging.LogRecord, about: Mapping[str, Any], hidden: Secrets) -> str:
        """Return the line, or lines, of a record; ``hidden`` is not in them."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record outside of any job."""
        return self.line(record, {}, Secrets())

    def _exception(self, record: logging.LogRecord, hidden: Secrets) -> str:
        text = self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
        if record.stack_info:
            text = f"{text}\n{self.formatStack(record.stack_info)}" if text else record.stack_info
        return hidden.hide(text)


class ConsoleLayout(_Layout):
    """For people: time, level, message, and the fields as ``name=value`` behind it.

    On a terminal the time has no date, long lines are folded under the message, and levels have
    colours unless ``coloured`` is False.
    """

    def __init__(self, *, terminal: bool = False, coloured: bool = False) -> None:
        """Write for a terminal, or for a file or a pipe that is read by people."""
        super().__init__()
        self._terminal, self._coloured = terminal, coloured

    def line(self, record: logging.LogRecord, about: Mapping[str, Any], hidden: Secrets) -> str:
        """Return the line of a record, with its traceback below."""
        clock = time.strftime(
            "%H:%M:%S" if self._terminal else "%Y-%m-%d %H:%M:%S", time.localtime(record.created)
        )
        clock = f"{clock}.{int(record.msecs):03d}"
        margin = " " * (len(clock) + _LEVEL_WIDTH + 3)
        ours = hasattr(record, "event_name")  # its words have the fields already
        fields = {} if ours else {**about, **extras_of(record)}
        message = _clean(hidden.hide(record.getMessage()))
        pairs = " ".join(f"{name}={_value(value, hidden)}" for name, value in fields.items())
        folded = self._folded(message, pairs, len(margin))
        text = "\n".join([folded[0], *(margin + line if line else line for line in folded[1:])])
        level = self._paint(f"{record.levelname:<{_LEVEL_WIDTH}}", _COLOURS.get(record.levelno, ""))
        trace = _clean(self._exception(record, hidden))
        end = f"\n{trace}" if trace else ""
        return f"{self._paint(clock, '2')} {level}  {text}{end}"

    def _folded(self, message: str, pairs: str, margin: int) -> list[str]:
        """Return the lines of the message and of the fields; a message of several keeps them."""
        whole = f"{message}  {pairs}" if pairs else message
        width = shutil.get_terminal_size().columns - margin if self._terminal else 0
        if not self._terminal or width < _WIDTH_MIN or len(whole) <= width:
            lines = message.split("\n")
            lines[-1] += f"  {self._paint(pairs, '2')}" if pairs else ""
            return lines
        lines = [part for line in message.split("\n") for part in _wrapped(line, width) or [""]]
        return [*lines, *(self._paint(part, "2") for part in _wrapped(pairs, width))]

    def _paint(self, text: str, style: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self._coloured and style and text else text


class JsonLayout(_Layout):
    """For machines: one JSON object a line, with the time in UTC and the names that stay."""

    def line(self, record: logging.LogRecord, about: Mapping[str, Any], hidden: Secrets) -> str:
        """Return one line without ends of lines in it."""
        extras = {**about, **extras_of(record)}
        found: dict[str, Any] = {
            "time": iso(int(record.created * 1_000_000)),
            "level": record.levelname.lower(),
        }
        if (event := getattr(record, "event_name", None)) is not None:
            found["event"] = event
        found["message"] = hidden.hide(record.getMessage())
        found["logger"] = record.name
        found |= {name: extras.pop(name) for name in _ORDER if name in extras}
        for name, value in extras.items():
            shown = hidden.hide_in(value)
            found[f"{name}_" if name in found else name] = shown
        if exception := self._exception(record, hidden):
            found["exception"] = exception
        return _json(found)


def _json(found: dict[str, Any]) -> str:
    try:
        return ENCODER.encode(found).decode()
    except Exception:  # noqa: BLE001 - a value of the user's must not cost the line
        texts = {
            _encodable(name): value if isinstance(value, int | float) else _encodable(value)
            for name, value in found.items()
        }
        return ENCODER.encode(texts).decode()


def _encodable(value: Any) -> str:
    return str(plain(value)).encode("utf-8", "backslashreplace").decode()


def _value(value: Any, hidden: Secrets) -> str:
    text = _encodable(hidden.hide_in(value))
    text = visible(hidden.hide(text))
    return f'"{text}"' if " " in text or not text else text


def _clean(text: str) -> str:
    """Make control characters visible, and keep the ends of lines."""
    return "\n".join(visible(line.expandtabs()) for line in text.split("\n"))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, drop_whitespace=True)
