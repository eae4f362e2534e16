"""``dutiful queues``: what each queue holds; pausing and resuming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.options import Common
from dutiful.cli.render import TableColumn
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.queue import queue_name
from dutiful.core.state import State
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.manage.queues import Switched
    from dutiful.manage.records import QueueRecord

Name = Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.")]

_ALWAYS = (State.QUEUED, State.RUNNING, State.DEAD)


@expand
def list_queues(common: Common) -> None:
    """List queues: jobs by state, the longest wait, and which queues are paused."""

    async def body(opened: OpenTarget) -> None:
        queues = await opened.app.queues.alist()
        if common.json:
            as_json.emit([as_json.queue(queue) for queue in queues])
        elif queues:
            render.show(_table(queues))
        else:
            render.say(f"No queues in {opened.url} yet; a queue exists once it has a job.")

    reach(common, body)


def _table(queues: tuple[QueueRecord, ...]) -> RenderableType:
    from dutiful.manage.records import word_of

    states = [
        state
        for state in State
        if state in _ALWAYS or any(queue.counts[word_of(state)] for queue in queues)
    ]
    columns = [TableColumn("queue", shrinks=True)]
    columns += [TableColumn(state.word, right=True) for state in states]
    columns += [TableColumn("oldest", right=True), TableColumn("")]
    present = render.now()
    lines: list[list[Text]] = []
    for queue in queues:
        oldest = queue.oldest_queued_at
        lines.append(
            [
                render.line(render.flat(queue.name), "bold"),
                *(render.count(queue.counts[word_of(state)], state) for state in states),
                render.line("" if oldest is None else render.rough(present - micros(oldest))),
                render.line("paused" if queue.paused else "", "yellow"),
            ]
        )
    return render.table(columns, lines)


@expand
def pause_queue(name: Name, common: Common) -> None:
    """Stop workers from claiming jobs of a queue; running jobs continue."""
    _switch(name, common, pause=True)


@expand
def resume_queue(name: Name, common: Common) -> None:
    """Let workers claim jobs of a queue again."""
    _switch(name, common, pause=False)


def _strange(done: Switched) -> str:
    """Report that the store knows no such queue, for example when its name is misspelt."""
    advice = f"; did you mean {done.near}?" if done.near else "."
    return f"No job is in a queue {done.queue}, and no worker serves it{advice}"


def _switch(name: str, common: Common, *, pause: bool) -> None:
    queue = queue_name(name)

    async def body(opened: OpenTarget) -> None:
        queues = opened.app.queues
        done = await (queues.apause(queue) if pause else queues.aresume(queue))
        if common.json:
            as_json.emit({"queue": queue, "paused": done.paused, "known": done.known})
            return
        if not done.known:
            render.say(_strange(done), "yellow")
        if pause:
            render.say(
                f"Queue {queue} is paused. Its jobs wait until `dutiful queues resume {queue}`."
            )
        else:
            render.say(f"Queue {queue} is open.")

    reach(common, body)
