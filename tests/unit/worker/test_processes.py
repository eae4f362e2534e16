"""What a worker makes of the messages with which a child ends an attempt."""

from __future__ import annotations

import asyncio
import os

import pytest

from dutiful import App
from dutiful.core.outcome import Crashed, Outcome, Succeeded
from dutiful.worker.attempt import Running
from dutiful.worker.isolation.frames import Ended, TaskInterrupted, about, ended
from dutiful.worker.isolation.processes import ProcessSlots
from tests.unit.worker.parts import Parts, claim

Message = Ended | TaskInterrupted | Crashed | None

CLAIM = claim("1")
DONE = Succeeded(b"1")


class Answering(ProcessSlots):
    """Has children that answer what a list says."""

    def __init__(self, *answers: Message) -> None:
        super().__init__(1)
        self.answers = list(answers)

    async def _attempt(self, *_: object) -> Message:
        return self.answers.pop(0)


async def answer(slots: ProcessSlots) -> Outcome | Ended | TaskInterrupted:
    async with App("memory://") as app:

        @app.task(name="task", cpu=True)
        def body() -> int:
            return 1

        loop, store_retry = asyncio.get_running_loop(), Parts(app).store_retry
        job, steps, pid = CLAIM.job, CLAIM.steps, os.getpid()
        running = Running(CLAIM, job, steps, body, app.store, loop, store_retry, pid, lambda: True)
        return await slots.run(running, None, 1000, lambda running: None)


async def test_an_end_that_is_not_settled_is_an_outcome() -> None:
    assert await answer(Answering(ended(about(CLAIM), DONE))) == DONE


@pytest.mark.parametrize(("committed", "refused"), [(True, False), (False, True)])
async def test_an_end_that_the_child_has_settled_is_not_settled_again(
    committed: bool, refused: bool
) -> None:
    end = ended(about(CLAIM), DONE, committed=committed, refused=refused)
    assert await answer(Answering(end)) is end


@pytest.mark.parametrize("message", [TaskInterrupted(about(CLAIM)), Crashed("killed")])
async def test_other_messages_are_passed_on(message: TaskInterrupted | Crashed) -> None:
    assert await answer(Answering(message)) is message


async def test_another_child_is_asked_where_one_had_died_at_rest() -> None:
    slots = Answering(None, None, ended(about(CLAIM), DONE), Crashed("too many were asked"))
    assert await answer(slots) == DONE
    assert len(slots.answers) == 1
