"""The demo as plain lines, for pipes, logs and terminals that cannot move their cursor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

import msgspec

from dutiful.core.state import State
from dutiful.demo.status import DemoStatus
from dutiful.demo.verdict import Verdict
from dutiful.demo.wording import advice, details, headline

LINE_SECONDS = 1.0


class PlainView:
    """Writes the story as it goes on, and a line of figures each second."""

    pause_seconds = 0.0

    def __init__(self, out: TextIO) -> None:
        """Write to a stream."""
        self._out = out
        self._reported = 0
        self._wrote = 0.0

    def show(self, status: DemoStatus) -> None:
        """Write what is new."""
        for line in status.story[self._reported :]:
            self._write(f"{line.seconds:6.1f}s  {line.text}")
            self._wrote = status.seconds
        self._reported = len(status.story)
        if status.seconds - self._wrote >= LINE_SECONDS:
            self._wrote = status.seconds
            self._write(f"{status.seconds:6.1f}s  {figures(status)}")

    def close(self) -> None:
        """Do nothing: the terminal was never taken."""

    def conclude(self, status: DemoStatus, verdict: Verdict, folder: Path | None) -> None:
        """Write the verdict."""
        self._write(f"\n{'OK' if verdict.ok else 'BAD'}: {headline(verdict)}")
        self._write("    (by the gateway's own ledger)")
        for label, text in details(verdict):
            self._write(f"    {label + ':':<10}{text}")
        self._write("")
        for command, purpose in advice(verdict, folder):
            self._write(f"    {command}    # {purpose}")

    def _write(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


class JsonView:
    """Shows nothing but the verdict, as one JSON object."""

    pause_seconds = 0.0

    def __init__(self, out: TextIO) -> None:
        """Write to a stream."""
        self._out = out

    def show(self, status: DemoStatus) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""

    def conclude(self, status: DemoStatus, verdict: Verdict, folder: Path | None) -> None:
        """Write the object."""
        value = msgspec.to_builtins(verdict)
        if folder is not None:
            value["folder"] = str(folder)
        self._out.write(json.dumps(value, indent=2 if self._out.isatty() else None) + "\n")


def figures(status: DemoStatus) -> str:
    """Write the moment's figures in one line."""
    counts = status.counts
    return (
        f"{status.charged:,}/{status.orders:,} charged, {status.speed:.0f}/s | "
        f"{counts.get(State.QUEUED, 0):,} queued, {counts.get(State.RUNNING, 0)} running, "
        f"{counts.get(State.SCHEDULED, 0)} to retry, {counts.get(State.DEAD, 0)} dead"
    )
