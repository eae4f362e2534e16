"""``dutiful queues``: what each queue holds; pausing and resuming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.options import Common
from dutiful.cli.render import Column
from dutiful.cli.target import Opened, reach
from dutiful.core.queue import queue_name
from dutiful.core.state import State

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.contract.page import QueueCount

Name = Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.")]

_ALWAYS = (State.QUEUED, State.RUNNING, State.DEAD)


@expand
def list_queues(common: Common) -> None:
    """List queues: how many jobs of each state, the longest wait, which are paused."""

    async def body(opened: Opened) -> None:
        queues = await opened.store.inspector.queues()
        if common.json:
            as_json.emit([as_json.queue(queue) for queue in queues])
        elif queues:
            render.show(_table(queues))
        else:
            render.say(f"No queues in {opened.url} yet; a queue is there once it has a job.")

    reach(common, body)


def _table(queues: tuple[QueueCount, ...]) -> RenderableType:
    states = [
        state
        for state in State
        if state in _ALWAYS or any(queue.counts.get(state) for queue in queues)
    ]
    columns = [Column("queue", shrinks=True)]
    columns += [Column(state.word, right=True) for state in states]
    columns += [Column("oldest", right=True), Column("")]
    present = render.now()
    lines: list[list[Text]] = []
    for queue in queues:
        oldest = queue.oldest_queued_at
        lines.append(
            [
                render.line(render.flat(queue.queue), "bold"),
                *(render.count(queue.counts.get(state, 0), state) for state in states),
                render.line("" if oldest is None else render.rough(present - oldest)),
                render.line("paused" if queue.paused_at is not None else "", "yellow"),
            ]
        )
    return render.table(columns, lines)


@expand
def pause_queue(name: Name, common: Common) -> None:
    """Stop workers from taking jobs of a queue; those that run go on."""
    _switch(name, common, pause=True)


@expand
def resume_queue(name: Name, common: Common) -> None:
    """Let workers take jobs of a queue again."""
    _switch(name, common, pause=False)


async def _strange(opened: Opened, queue: str, *, pause: bool) -> str:
    """Say that the store knows no such queue, as when its name is misspelt."""
    from difflib import get_close_matches

    known = {
        row.queue
        for row in await opened.store.inspector.queues()
        if any(row.counts.values()) or (not pause and row.paused_at is not None)
    }
    known |= {name for worker in await opened.store.fleet.workers() for name in worker.info.queues}
    if queue in known:
        return ""
    near = get_close_matches(queue, sorted(known), 1)
    advice = f"; did you mean {near[0]}?" if near else "."
    return f"No job is in a queue {queue}, and no worker serves it{advice}"


def _switch(name: str, common: Common, *, pause: bool) -> None:
    queue = queue_name(name)

    async def body(opened: Opened) -> None:
        from dutiful.contract.capability import Capability

        opened.store.require(Capability.PAUSE)
        controller = opened.store.controller
        strange = await _strange(opened, queue, pause=pause)
        await (controller.pause(queue) if pause else controller.resume(queue))
        if common.json:
            as_json.emit({"queue": queue, "paused": pause, "known": not strange})
            return
        if strange:
            render.say(strange, "yellow")
        if pause:
            render.say(
                f"Queue {queue} is paused. Its jobs wait until `dutiful queues resume {queue}`."
            )
        else:
            render.say(f"Queue {queue} is open.")

    reach(common, body)
