"""How screens look: the console, quiet tables, times as a person says them, states in colour."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dutiful.cli.failure import coloured
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND, iso, moment
from dutiful.core.state import State
from dutiful.core.text import STEERING, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from dutiful.contract.page import Finding
    from dutiful.manage.schedule_check import ScheduleFinding

_PIPE_WIDTH = 10_000
_WIDE = 100
_ID_SHOWN = 18
_NAME_SHOWN = 40
_SIZE = re.compile("0*[1-9][0-9]{0,4}")
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f{STEERING}]")

STATE_STYLES = {
    State.SCHEDULED: "blue",
    State.QUEUED: "cyan",
    State.RUNNING: "yellow",
    State.WAITING: "magenta",
    State.SUCCEEDED: "green",
    State.DEAD: "bold red",
    State.CANCELLED: "bright_black",
}


def sized() -> None:
    """Take sizes of the terminal out of the environment that are none, such as ``COLUMNS=0``."""
    for name in ("COLUMNS", "LINES"):
        if name in os.environ and not _SIZE.fullmatch(os.environ[name]):
            del os.environ[name]


class TableColumn(NamedTuple):
    """One column: its heading, whether it may be shortened, and whether it holds numbers."""

    heading: str
    shrinks: bool = False
    right: bool = False


def screen() -> Console:
    """Return the console for stdout; a pipe is given whole lines, however long."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    colours = coloured(sys.stdout)
    return Console(
        width=_PIPE_WIDTH if piped else None,
        force_terminal=colours,
        color_system="auto" if colours else None,
        highlight=False,
        emoji=False,
        markup=False,
    )


def wide() -> bool:
    """Whether there is room for what is merely good to know."""
    return screen().width >= _WIDE


def now() -> int:
    """Return the present instant, from which ages are calculated; it decides nothing."""
    return time.time_ns() // 1000


def clean(text: str) -> str:
    r"""Make control characters visible, so that stored text cannot steer the terminal.

    >>> clean("red \x1b[31m alert")
    'red \\x1b[31m alert'
    """
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def flat(text: str) -> str:
    """Make ends of lines visible too: for names, which belong on one line."""
    return visible(text)


def line(text: str, style: str = "") -> Text:
    """Return the first line of a text, for a table; what does not fit gives way to an ellipsis."""
    from rich.text import Text

    first, _, rest = clean(text).strip().partition("\n")
    return Text(first + (" …" if rest else ""), style, no_wrap=True, overflow="ellipsis")


def wrapped(text: str, style: str = "") -> Text:
    """Return a text that may take several lines of its cell."""
    from rich.text import Text

    return Text(clean(text).strip(), style, overflow="fold")


def table(columns: Sequence[TableColumn], rows: Sequence[Sequence[Text]]) -> RenderableType:
    """Lay rows out under dim headings, without lines; columns that may shrink give way first."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        grid.add_column(
            column.heading,
            justify="right" if column.right else "left",
            no_wrap=not column.shrinks,
            overflow="ellipsis",
            min_width=min(len(column.heading), 8),
        )
    for row in rows:
        grid.add_row(*row)
    return grid


def show(*parts: RenderableType) -> None:
    """Print what a command found; lines end where their text ends."""
    console = screen()
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    sys.stdout.write(re.sub(r"[ ]+(?=(\x1b\[0m)?$)", "", capture.get(), flags=re.MULTILINE))


def say(text: str, style: str = "") -> None:
    """Print a sentence."""
    from rich.text import Text

    show(Text(clean(text), style))


def state(of: State, word: str = "") -> Text:
    """Write a state in its colour."""
    return line(word or of.word, STATE_STYLES[of])


def count(number: int, of: State) -> Text:
    """Write how many jobs are in a state; none is a quiet dot."""
    return line(f"{number:,}", STATE_STYLES[of]) if number else line("·", "dim")


def findings(found: Sequence[Finding | ScheduleFinding]) -> RenderableType:
    """Lay out what a check looked at."""
    rows = [
        (
            line("ok", "green") if finding.ok else line("bad", "bold red"),
            line(finding.name),
            wrapped(finding.text),
        )
        for finding in found
    ]
    named = max((len(finding.name) for finding in found), default=0)
    what = TableColumn("what", shrinks=named > _NAME_SHOWN)
    return table((TableColumn(""), what, TableColumn("found", shrinks=True)), rows)


def rough(micros: int) -> str:
    """Write a span in one unit, or in two where one is too rough.

    >>> rough(400_000), rough(75 * 1_000_000), rough(26 * 3600 * 1_000_000)
    ('0s', '75s', '26h')
    """
    micros = max(micros, 0)
    for unit, size, enough in (("d", DAY, 3), ("h", HOUR, 2), ("m", MINUTE, 2)):
        if micros >= size * enough:
            return f"{micros // size}{unit}"
    return f"{micros // SECOND}s"


def ago(at: int, present: int) -> str:
    """Write an instant by its distance: ``3m ago``, ``in 2h``."""
    return f"in {rough(at - present)}" if at > present else f"{rough(present - at)} ago"


def local(at: int) -> str:
    """Write an instant in the zone of this machine, with the zone."""
    try:
        return moment(at).astimezone().isoformat(" ", "seconds")
    except (OverflowError, ValueError, OSError):  # outside of the years that this platform knows
        return iso(at)


def plural(count: int, noun: str) -> str:
    """Count things.

    >>> plural(1, "job"), plural(1200, "job")
    ('1 job', '1,200 jobs')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shorten(ids: Sequence[str]) -> dict[str, str]:
    """Shorten ids, unless they would look alike; what is shown can be typed as an id.

    The first 18 characters of an id of version 7 are its time to a quarter of a microsecond.
    Fewer would do on most pages, but not in the store: a batch is enqueued within a millisecond.
    """
    alike = len({text[:_ID_SHOWN] for text in ids}) < len(ids)
    return {text: text if alike else text[:_ID_SHOWN] for text in ids}
