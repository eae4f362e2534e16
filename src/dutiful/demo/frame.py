"""One moment of the demo as a screen of text, from 78 columns and 20 lines upwards."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dutiful.core.state import State
from dutiful.demo.status import DemoStatus, StoryLine, WorkerLine
from dutiful.demo.wording import count

STORY_MAX = 12
FRAME_LINES = 16
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


def frame(
    status: DemoStatus, width: int, height: int, styles: Mapping[State, str]
) -> RenderableType:
    """Lay out one moment, with states in the colours that are given."""
    lines = max(3, min(STORY_MAX, height - FRAME_LINES))
    columns = Table.grid(padding=0)
    left, right = max(20, width // 4), max(25, width * 3 // 10)
    for column in (left, width - left - right, right):
        columns.add_column(width=column)
    columns.add_row(
        _panel("jobs", _jobs(status, styles)),
        _panel("workers and their pids", _workers(status)),
        _panel("gateway", _gateway(status)),
    )
    table = Table.grid(expand=True)
    for part in (title(status), _progress(status), _speed(status, width)):
        table.add_row(part)
    if not status.naive:
        table.add_row(_schedule(status, width))
    table.add_row(columns)
    table.add_row(_panel("what happens", story(status.story[-lines:]), lines + 2))
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


def story(lines: list[StoryLine]) -> RenderableType:
    """Write lines with their seconds."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column()
    for line in lines:
        grid.add_row(f"{line.seconds:.1f}s", Text(line.text, _TONES[line.tone]))
    return grid


def title(status: DemoStatus) -> Text:
    """Say what the demo is about."""
    what = f"  {count(status.orders, 'order')}, each to be charged once"
    mode = ("  safety off", "bold red") if status.naive else ("", "")
    return Text.assemble((" dutiful demo ", "bold reverse"), (what, "bold"), mode)


def _progress(status: DemoStatus) -> RenderableType:
    bar = Table.grid(expand=True, padding=(0, 1))
    bar.add_column(width=9)
    bar.add_column(ratio=1)
    bar.add_column(justify="right", width=15)
    done = Text(f"{status.charged:,} / {status.orders:,}", "bold")
    bar.add_row("charged", ProgressBar(status.orders, status.charged, complete_style="green"), done)
    return bar


def _speed(status: DemoStatus, width: int) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(width=9)
    row.add_column(ratio=1, no_wrap=True)
    row.add_column(justify="right", width=15)
    bars = sparkline(list(status.speeds), width - 28)
    row.add_row("speed", Text(bars, "cyan"), f"{status.speed:,.0f} / s")
    return row


def _schedule(status: DemoStatus, width: int) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(width=9)
    row.add_column(ratio=1, no_wrap=True)
    row.add_column(justify="right", width=15)
    ticks = "▪" * min(status.cash_ups, width - 28)
    row.add_row("schedule", Text(ticks, "magenta"), f"{count(status.cash_ups, 'run')}")
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


def _jobs(status: DemoStatus, styles: Mapping[State, str]) -> RenderableType:
    counts = status.counts
    return _numbers([(word, counts.get(state, 0), styles[state]) for word, state in _ROWS])


def _gateway(status: DemoStatus) -> RenderableType:
    stats = status.stats
    twice = stats.charges - stats.orders_charged
    rows = [
        ("server errors", stats.errors, "yellow"),
        ("replies too late", stats.stalls, "yellow"),
        ("replies lost", stats.cuts, "yellow"),
        ("cards declined", stats.declined, "red"),
    ]
    if status.naive:
        rows.append(("charged again", twice, "bold red"))
    else:
        rows.append(("repeats caught", stats.replayed, "green"))
    return _numbers(rows)


def _workers(status: DemoStatus) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column()
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for row in status.workers[-5:]:
        grid.add_row(row.name.removeprefix("worker "), str(row.pid), _condition(row))
    return grid if status.workers else Text("none yet", "dim")


def _condition(row: WorkerLine) -> Text:
    match row.condition:
        case "working" if not row.joined:
            return Text("starting", "dim")
        case "working":
            return Text(f"{row.running} running", "green" if row.running else "dim")
        case "killed":
            after = f", {row.rescued} rescued" if row.rescued else ""
            return Text.assemble(("kill -9", "bold red"), (after, "green"))
        case condition:
            return Text(condition, "dim" if condition == "stopped" else "bold red")
