"""The boundary where errors become one readable line and an exit code."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from dutiful.core import errors
from dutiful.core.text import visible

if TYPE_CHECKING:
    from dutiful.core.secret_texts import Secrets


class Code(IntEnum):
    """What the process's exit code says."""

    OK = 0
    BAD = 1
    USAGE = 2
    STORE = 3
    NOT_FOUND = 4
    FAULT = 70
    INTERRUPTED = 130
    PIPE = 141


MEANINGS: dict[Code, str] = {
    Code.OK: "done",
    Code.BAD: "a check found a problem, nothing matched, or a job was left as it was",
    Code.USAGE: "the command cannot be carried out as typed",
    Code.STORE: "the store cannot be reached or used",
    Code.NOT_FOUND: "no such job or worker",
    Code.FAULT: "an unexpected error, in Dutiful or in your app's module",
    Code.INTERRUPTED: "interrupted by Ctrl-C",
    Code.PIPE: "the reader of the output closed it",
}


class CommandFailed(errors.DutifulError):
    """A command did not do all that was asked; the code says of which kind."""

    def __init__(self, message: str, code: Code = Code.BAD, advice: str = "") -> None:
        """Keep the exit code and what to do next."""
        self.code = code
        self.advice = advice
        super().__init__(message)


class Interrupted(CommandFailed):
    """The command was interrupted by Ctrl-C; says what is left behind, if that is known."""

    def __init__(self, left: str = "", advice: str = "") -> None:
        """Take what is left behind, and what to do next."""
        message = f"interrupted; {left}" if left else "interrupted"
        super().__init__(message, Code.INTERRUPTED, advice)


class Wrong(errors.UsageError):
    """The command cannot be carried out as typed."""

    def __init__(self, message: str, advice: str = "") -> None:
        """Keep what to type instead."""
        self.advice = advice
        super().__init__(message)


class Failure(NamedTuple):
    """What the command line prints about an error."""

    code: Code
    kind: str
    message: str
    advice: str = ""


_ADVICE: tuple[tuple[type[errors.DutifulError], str], ...] = (
    (errors.SchemaMismatch, "run `dutiful migrate`, or upgrade Dutiful"),
    (errors.EngineUnavailable, "check that the store is up, then try again"),
    (errors.ReplyUnknown, "check with `dutiful jobs list` whether it happened, then try again"),
    (errors.StoreUnusable, "check the folder and the file that the URL names"),
    (errors.JobNotFound, "list the jobs with `dutiful jobs list`"),
)

_PLAIN = {
    r"Input should be greater than or equal to (\S+)": r"use \1 or more",
    r"Input should be less than or equal to (\S+)": r"use \1 or less",
    r"Input should be a valid integer.*": "write a whole number",
}
"""What a library says of a wrong number, and what a person would say."""


def explain(error: BaseException) -> Failure:
    """Say in one line what an error means to the person who typed the command."""
    if isinstance(error, KeyboardInterrupt):
        error = Interrupted()
    if isinstance(error, errors.DutifulError):
        return _expected(error)
    if hasattr(error, "format_message"):  # what typer raises for a mistyped command line
        return _mistyped(error)
    text = f"unexpected {type(error).__name__}: {error}".rstrip(": ")
    return Failure(Code.FAULT, type(error).__name__, text, "set DUTIFUL_DEBUG=1 for the traceback")


def _expected(error: errors.DutifulError) -> Failure:
    message = str(error) or _first_line(type(error).__doc__)
    advice: str = getattr(error, "advice", "") or "; ".join(getattr(error, "__notes__", ()))
    if not advice and ";" not in message and "dutiful" not in message:
        advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
    return Failure(_code(error), type(error).__name__, message, advice)


def _code(error: errors.DutifulError) -> Code:
    match error:
        case CommandFailed(code=code):
            return code
        case errors.UnknownWorker():
            return Code.NOT_FOUND
        case errors.UsageError():
            return Code.USAGE
        case errors.EngineError():
            return Code.STORE
        case errors.JobNotFound():
            return Code.NOT_FOUND
        case _:
            return Code.BAD


def _mistyped(error: Any) -> Failure:
    where = getattr(getattr(error, "ctx", None), "command_path", "dutiful")
    advice = f"see `{where} --help`"
    near = cast("list[str] | None", getattr(error, "possibilities", None))
    if hasattr(error, "option_name") and near is not None:
        message = f"no option {error.option_name}"
        if near:
            message += f"; did you mean {' or '.join(sorted(near))}?"
        elif hasattr(error.ctx.command, "commands"):
            advice = f"options come after the command: `{where} COMMAND {error.option_name}`"
        return Failure(Code.USAGE, "UsageError", message, advice)
    message = str(error.format_message()).rstrip(".")
    message = message.replace("Invalid value for", "bad value for")
    for said, plain in _PLAIN.items():
        message = re.sub(said, plain, message)
    if "unexpected extra argument" in message:
        advice = f'put a text with spaces in quotes, such as "30 1 * * *"; {advice}'
    return Failure(Code.USAGE, "UsageError", message[:1].lower() + message[1:], advice)


def _first_line(doc: str | None) -> str:
    return (doc or "failed").strip().splitlines()[0].rstrip(".")


def guard(run: Callable[[], Any], *, as_json: bool) -> int:
    """Run a command and return its exit code; an error is printed on stderr, never raised."""
    try:
        result = run()
        sys.stdout.flush()
    except SystemExit as stop:
        # Rich leaves this way, with code 1, when the reader of the output is gone.
        if isinstance(stop.__context__, BrokenPipeError):
            return _hush()
        return stop.code if isinstance(stop.code, int) else Code.BAD
    except BrokenPipeError:
        return _hush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- the last boundary
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command
            print(cast(Any, error).format_message(), file=sys.stderr)
            return Code.USAGE
        if type(error).__name__ == "Abort":  # at a prompt, whose line is to stay
            print(file=sys.stderr)
            error = Interrupted("nothing was changed")
        return report(error, as_json=as_json)
    return result if isinstance(result, int) else Code.OK


def report(error: BaseException, *, as_json: bool) -> int:
    """Print an error on stderr and return its exit code."""
    failure = explain(error)
    hidden = _passwords()
    message, advice = (visible(hidden.hide(text)) for text in (failure.message, failure.advice))
    failure = failure._replace(message=message, advice=advice)
    if as_json:
        said = {"type": failure.kind, "message": failure.message}
        if failure.advice:
            said["advice"] = failure.advice
        print(json.dumps({"error": said}), file=sys.stderr)
    else:
        head, dim = (_paint("31;1"), _paint("2")) if coloured(sys.stderr) else (_plain, _plain)
        first, *rest = _lines(f"error: {failure.message}")
        if failure.code == Code.INTERRUPTED and sys.stderr.isatty():
            print(end="\r", file=sys.stderr)  # writes over the ^C that the terminal has shown
        print(head("error:") + first.removeprefix("error:"), *rest, sep="\n", file=sys.stderr)
        for line in _lines(failure.advice):
            print(dim(f"  {line}"), file=sys.stderr)
    if os.environ.get("DUTIFUL_DEBUG") and failure.code != Code.INTERRUPTED:
        import traceback

        print(hidden.hide("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    return failure.code


def _passwords() -> Secrets:
    """Return what is secret in the URLs of the command line, the environment and the settings.

    Our own errors do not show it; those of drivers and of an app's module might.
    """
    from dutiful.config import load_settings
    from dutiful.core.secret_texts import secrets
    from dutiful.core.url import passwords

    given = [*sys.argv, *(value for value in os.environ.values() if "://" in value)]
    found = [part for text in given for part in passwords(text)]
    with suppress(Exception):  # wrong settings are reported already, without what is secret
        found += load_settings().secrets()
    return secrets(found)


def _lines(text: str) -> list[str]:
    """Wrap a text for the terminal on stderr; a log is given it in one line."""
    if not sys.stderr.isatty():
        return [text] if text else []
    import shutil
    import textwrap

    return textwrap.wrap(
        text, max(shutil.get_terminal_size().columns - 2, 40), break_on_hyphens=False
    )


def coloured(stream: Any) -> bool:
    """Whether to colour a stream: it is a terminal, and no variable forbids it."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or bool(stream.isatty())


def _paint(style: str) -> Callable[[str], str]:
    return lambda text: f"\033[{style}m{text}\033[0m"


def _plain(text: str) -> str:
    return text


def _hush() -> int:
    """Point stdout at nothing, so that the interpreter's last flush is silent, too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Code.PIPE
