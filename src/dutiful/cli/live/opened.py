"""What fills the screen when it is opened: a job with all that is known of it, the help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dutiful.cli import card
from dutiful.cli.live.view import Opened

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.manage.jobs import Jobs

_LINES_MAX = 5_000
"""So much of a job is shown; `dutiful jobs show` shows all of it."""

_HELP = """\
The first sentence says whether all is well, or names what is worst.

  Up Down  j k       choose a row
  PgUp PgDn Home End
  Tab  Shift-Tab     go to the next or the previous list
  Enter              open the job of a slot or of a failure
  p                  pause or resume the queue
  d                  drain the worker: it ends when its jobs have ended
  u                  quiet the worker (it claims nothing), or resume it
  r                  retry the job of a failure
  g  Space           ask the store now
  Ctrl-L             draw the screen again
  ?                  this help
  q  Esc             quit, or go back

What changes something asks first; only y means yes.

  waiting    jobs that a worker could start now
  later      jobs that are scheduled, or wait for a retry
  oldest     for how long the first of the waiting ones could have run
  done/s     jobs that ended, a second, over the last half minute
  empty in   when no job waits any more, if all goes on like this;
             "grows": more is enqueued than ends;
             "none starts": nothing has started or ended for a minute;
             "at least": it is not known yet how much is enqueued
  seen       when the worker last renewed its lease

A failure is a job whose last attempt failed within the last hour."""


def help_text() -> Opened:
    """Return the help."""
    from rich.text import Text

    return Opened("Keys and columns", [Text(one, no_wrap=True) for one in _HELP.splitlines()])


async def job_text(jobs: Jobs, job_id: str, width: int) -> Opened:
    """Return what `dutiful jobs show` shows; JobNotFound where the job is gone."""
    job = await jobs.aget(job_id)
    parts = card.as_screen(job, await jobs.aerrors(job.id), await jobs.asteps(job.id))
    retries = job.state in ("dead", "cancelled", "scheduled", "waiting")
    return Opened(f"Job {job.id}", _lines(parts, width), job.id, retries)


def _lines(parts: Iterable[RenderableType], width: int) -> list[Text]:
    """Break parts into lines of a width."""
    from rich.console import Console, Group
    from rich.text import Text

    console = Console(width=width, highlight=False, emoji=False, markup=False)
    found: list[Text] = []
    for segments in console.render_lines(Group(*parts), pad=False)[:_LINES_MAX]:
        line = Text(no_wrap=True, end="")
        for segment in segments:
            line.append(segment.text, segment.style)
        found.append(line)
    return found
