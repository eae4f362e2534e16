"""SQL as values: plans say what to execute, and a short runner executes it.

A plan is a generator that yields statements and is sent their answers. It does no I/O, so the same
plan works in a thread that owns a connection, in the caller's transaction and on an async driver.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

import msgspec

from dutiful.core.errors import EngineError

T = TypeVar("T")


class Statement(msgspec.Struct, frozen=True, gc=False):
    """One statement with its parameters; with ``many`` it runs once for each row of them."""

    text: str
    params: Sequence[Any] = ()
    many: bool = False


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The rows a statement returned and how many it changed."""

    rows: list[Any]
    count: int


Plan = Generator[Statement, Answer, T]
Execute = Callable[[Statement], Answer]
AsyncExecute = Callable[[Statement], Awaitable[Answer]]


def run(plan: Plan[T], execute: Execute) -> T:
    """Drive a plan to its end; an error of ``execute`` is raised inside the plan."""
    try:
        statement = next(plan)
        while True:
            try:
                answer = execute(statement)
            except EngineError as error:  # a plan may handle it
                statement = plan.throw(error)
            else:
                statement = plan.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def arun(plan: Plan[T], execute: AsyncExecute) -> T:
    """Do what `run` does with an ``execute`` that is awaited."""
    try:
        statement = next(plan)
        while True:
            try:
                answer = await execute(statement)
            except EngineError as error:
                statement = plan.throw(error)
            else:
                statement = plan.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
