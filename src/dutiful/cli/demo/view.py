"""The live screen: redrawn in place, from 80 columns and 24 lines upwards."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dutiful.cli.demo.picture import Hand, Line, Picture
from dutiful.cli.demo.verdict import Verdict
from dutiful.cli.demo.wording import advice, details, headline
from dutiful.cli.render import STATE_STYLES
from dutiful.core.state import State

WIDTH_MAX = 110
STORY_MAX = 12
FRAME_LINES = 15
"""What everything beside the story takes."""

_BARS = " ▁▂▃▄▅▆▇█"
_TONES = {"": "", "bad": "bold red", "good": "green"}
_ROWS = (
    ("queued", State.QUEUED),
    ("running", State.RUNNING),
    ("to retry", State.SCHEDULED),
    ("dead", State.DEAD),
    ("succeeded", State.SUCCEEDED),
)


class LiveView:
    """Draws on a terminal that can move its cursor."""

    WIDTH_MIN = 70
    HEIGHT_MIN = 20

    def __init__(self, console: Console) -> None:
        """Take the terminal."""
        self.console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def show(self, picture: Picture) -> None:
        """Redraw the screen."""
        if not self._live.is_started:
            self._live.start()
        size = self.console.size
        screen = frame(picture, min(size.width, WIDTH_MAX), size.height)
        self._live.update(screen, refresh=True)

    def close(self) -> None:
        """Give the terminal back, with the cursor shown."""
        self._live.stop()

    def conclude(self, picture: Picture, verdict: Verdict, folder: Path | None) -> None:
        """Leave the story and the verdict behind, where they can be scrolled to."""
        width = min(self.console.width, WIDTH_MAX)
        self.console.print(_title(picture), width=width)
        self.console.print(story(picture.story), width=width)
        self.console.print(_verdict(verdict), width=width)
        hints = Table.grid(padding=(0, 2))
        hints.add_column(style="bold", no_wrap=True)
        hints.add_column(style="dim")
        for command, purpose in advice(verdict, folder):
            hints.add_row(f" {command}", purpose)
        self.console.print(hints)


def frame(picture: Picture, width: int, height: int) -> RenderableType:
    """Lay out one moment."""
    lines = max(3, min(STORY_MAX, height - FRAME_LINES))
    columns = Table.grid(expand=True, padding=0)
    columns.add_column(ratio=1, min_width=20)
    columns.add_column(ratio=2, min_width=32)
    columns.add_column(ratio=1, min_width=26)
    columns.add_row(
        _panel("jobs", _jobs(picture)),
        _panel("workers", _workers(picture)),
        _panel("gateway", _gateway(picture)),
    )
    table = Table.grid(expand=True)
    for part in (_title(picture), _progress(picture), _speed(picture, width), columns):
        table.add_row(part)
    table.add_row(_panel("what happens", story(picture.story[-lines:]), lines + 2))
    table.width = width
    return table


def sparkline(values: list[float], width: int) -> str:
    """Draw numbers as bars, the latest on the right.

    >>> sparkline([0, 4, 8], 3)
    ' ▄█'
    """
    shown = values[-width:]
    top = max(shown, default=0) or 1
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in shown)


def story(lines: list[Line]) -> RenderableType:
    """Write lines with their seconds."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column()
    for line in lines:
        grid.add_row(f"{line.seconds:.1f}s", Text(line.text, _TONES[line.tone]))
    return grid


def _title(picture: Picture) -> Text:
    what = f"  {picture.orders:,} orders, each to be charged once"
    mode = ("  safety off", "bold red") if picture.naive else ("", "")
    return Text.assemble((" dutiful demo ", "bold reverse"), (what, "bold"), mode)


def _progress(picture: Picture) -> RenderableType:
    bar = Table.grid(expand=True, padding=(0, 1))
    bar.add_column(width=9)
    bar.add_column(ratio=1)
    bar.add_column(justify="right", width=15)
    done = Text(f"{picture.charged:,} / {picture.orders:,}", "bold")
    bar.add_row(
        "charged", ProgressBar(picture.orders, picture.charged, complete_style="green"), done
    )
    return bar


def _speed(picture: Picture, width: int) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(width=9)
    row.add_column(ratio=1, no_wrap=True)
    row.add_column(justify="right", width=15)
    bars = sparkline(list(picture.speeds), width - 28)
    row.add_row("speed", Text(bars, "cyan"), f"{picture.speed:,.0f} / s")
    return row


def _panel(title: str, content: RenderableType, height: int | None = 7) -> Panel:
    return Panel(
        content,
        title=Text(title, "dim"),
        title_align="left",
        box=box.ROUNDED,
        border_style="dim",
        height=height,
    )


def _numbers(rows: list[tuple[str, int, str]]) -> RenderableType:
    grid = Table.grid(expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    for label, number, style in rows:
        grid.add_row(label, Text(f"{number:,}", style if number else "dim"))
    return grid


def _jobs(picture: Picture) -> RenderableType:
    counts = picture.counts
    return _numbers([(word, counts.get(state, 0), STATE_STYLES[state]) for word, state in _ROWS])


def _gateway(picture: Picture) -> RenderableType:
    stats = picture.stats
    twice = stats.charges - stats.orders_charged
    rows = [
        ("server errors", stats.errors, "yellow"),
        ("replies too late", stats.stalls, "yellow"),
        ("replies lost", stats.cuts, "yellow"),
        ("cards declined", stats.declined, "red"),
    ]
    if picture.naive:
        rows.append(("charged again", twice, "bold red"))
    else:
        rows.append(("repeats caught", stats.replayed, "green"))
    return _numbers(rows)


def _workers(picture: Picture) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column()
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for hand in picture.hands[-5:]:
        grid.add_row(hand.name.removeprefix("worker "), f"pid {hand.pid}", _condition(hand))
    return grid if picture.hands else Text("none yet", "dim")


def _condition(hand: Hand) -> Text:
    match hand.condition:
        case "working":
            return Text(f"{hand.running} running", "green" if hand.running else "dim")
        case "killed":
            after = f", {hand.rescued} rescued" if hand.rescued else ""
            return Text.assemble(("kill -9", "bold red"), (after, "green"))
        case condition:
            return Text(condition, "dim" if condition == "stopped" else "bold red")


def _verdict(verdict: Verdict) -> Panel:
    colour, mark = ("green", "✔") if verdict.ok else ("red", "✘")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for label, text in details(verdict):
        grid.add_row(label, Text(text, "red" if label in ("too much", "missing", "wrong") else ""))
    head = Text(f"{mark} {headline(verdict)}", f"bold {colour}")
    title = Text("verdict, from the gateway's own ledger", colour)
    body = Group(head, Text(), grid)
    return Panel(body, title=title, title_align="left", border_style=colour, padding=(0, 1))
