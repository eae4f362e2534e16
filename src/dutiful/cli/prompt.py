"""Asking before something is done that cannot be taken back."""

from __future__ import annotations

import signal
import sys

from dutiful.cli.failure import CommandFailed, Wrong


def ask(question: str, otherwise: str, *, as_json: bool, advice: str = "add --yes") -> None:
    """Ask on a terminal; raises unless the answer is yes, also where it cannot ask."""
    import typer

    if as_json or not sys.stdin.isatty():
        raise Wrong(f"{otherwise}; this needs a confirmation", advice)
    # The event loop would keep Ctrl-C to itself while the prompt blocks it.
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        agreed = typer.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, kept)
    if not agreed:
        raise CommandFailed("not confirmed; nothing was changed")
