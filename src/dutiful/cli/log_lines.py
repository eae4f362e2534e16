"""What a job's attempts logged, on its screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dutiful.cli import render
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dutiful.manage.records import LogLineRecord

_MARGIN = 2
_BELOW = "\n  "
"""Further lines of a message, such as a traceback, stand below its first one."""
_LEVEL_STYLES = {"warning": "yellow", "error": "red", "critical": "bold red", "debug": "dim"}


def log_lines(lines: Sequence[LogLineRecord]) -> Iterator[RenderableType]:
    """Show lines under a heading for each attempt: time, level, logger and message."""
    from rich.padding import Padding
    from rich.text import Text

    attempt: int | None = None
    for line in lines:
        if line.attempt != attempt:
            attempt = line.attempt
            yield Text("")
            yield Text(f"log of attempt {attempt}" if attempt else "log", "dim")
        if line.skipped:
            gap = f"… {render.plural(line.skipped, 'line')} left out …"
            yield Padding(Text(gap, "dim"), (0, 0, 0, _MARGIN))
        style = _LEVEL_STYLES.get(line.level, "")
        head = Text.assemble(
            (_clock(line.at), "dim"),
            " ",
            (f"{render.flat(line.level):<8} ", style),
            (f"{render.flat(line.logger)}: ", "dim"),
            (render.clean(line.message).replace("\n", _BELOW), style),
            overflow="fold",
        )
        yield Padding(head, (0, 0, 0, _MARGIN))


def _clock(at: datetime) -> str:
    """Write the time of day with milliseconds, in the zone of this machine."""
    try:
        return at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    except (OverflowError, ValueError, OSError):  # outside of the years that this platform knows
        return render.local(micros(at))
