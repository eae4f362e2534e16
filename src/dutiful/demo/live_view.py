"""The live screen, redrawn in place, and the verdict that stays behind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dutiful.core.state import State
from dutiful.demo.frame import frame, story, title
from dutiful.demo.status import DemoStatus
from dutiful.demo.verdict import Verdict
from dutiful.demo.wording import advice, details, headline

WIDTH_MAX = 110


class LiveView:
    """Draws on a terminal that can move its cursor."""

    WIDTH_MIN = 78
    HEIGHT_MIN = 20
    pause_seconds = 1.2

    def __init__(self, console: Console, styles: Mapping[State, str]) -> None:
        """Take the terminal, and the colours of the states."""
        self.console = console
        self._styles = styles
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def show(self, status: DemoStatus) -> None:
        """Redraw the screen."""
        if not self._live.is_started:
            self._live.start()
        size = self.console.size
        screen = frame(status, min(size.width, WIDTH_MAX), size.height, self._styles)
        self._live.update(screen, refresh=True)

    def close(self) -> None:
        """Give the terminal back, with the cursor shown."""
        self._live.stop()

    def conclude(self, status: DemoStatus, verdict: Verdict, folder: Path | None) -> None:
        """Leave the story and the verdict behind, where they can be scrolled to."""
        width = min(self.console.width, WIDTH_MAX)
        self.console.print(title(status), width=width)
        self.console.print(story(status.story), width=width)
        self.console.print(_verdict(verdict), width=width)
        hints = Table.grid(padding=(0, 2))
        hints.add_column(style="bold", no_wrap=True)
        hints.add_column(style="dim")
        for command, purpose in advice(verdict, folder):
            hints.add_row(f" {command}", purpose)
        self.console.print(hints)


def _verdict(verdict: Verdict) -> Panel:
    colour, mark = ("green", "✔") if verdict.ok else ("red", "✘")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for label, text in details(verdict):
        grid.add_row(label, Text(text, "red" if label in ("too much", "missing", "wrong") else ""))
    head = Text(f"{mark} {headline(verdict)}", f"bold {colour}")
    above = Text("verdict, from the gateway's own ledger", colour)
    body = Group(head, Text(), grid)
    return Panel(body, title=above, title_align="left", border_style=colour, padding=(0, 1))
