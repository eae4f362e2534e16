"""Texts, numbers and times of a subclass, as web frameworks and number libraries make them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest

from dutiful import App, BadArguments, Context, unique
from dutiful.core.admission import admit
from dutiful.core.job import NewJob
from dutiful.core.unique import Unique
from tests.worker.support import burst, stored


class Text(str): ...


class Whole(int): ...


class Real(float): ...


class Exact(Decimal): ...


class Moment(datetime): ...


class Day(date): ...


class Hour(time): ...


class Span(timedelta): ...


class Queue(str, Enum):  # noqa: UP042 - its str() is "Queue.SLOW"
    SLOW = "slow"


VALUES: list[tuple[Any, Any, str]] = [
    (Text("a"), "a", "a"),
    (Whole(7), 7, "7"),
    (Real(1.5), 1.5, "1.5"),
    (Exact("1.10"), Decimal("1.10"), "1.10"),
    (Moment(2030, 1, 2, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC), "2030-01-02T00:00:00Z"),
    (Day(2030, 1, 2), date(2030, 1, 2), "2030-01-02"),
    (Hour(1, 2), time(1, 2), "01:02:00"),
    (Span(days=1, seconds=2), timedelta(days=1, seconds=2), "P1DT2S"),
]
"""The value, its equal of the built-in type, and how JSON writes it as a key."""


@pytest.mark.parametrize(("value", "built_in", "text"), VALUES)
async def test_it_goes_and_comes_back(app: App, value: Any, built_in: Any, text: str) -> None:
    ran: list[Any] = []

    @app.task
    def echo(given: Any, keyed: dict[Any, Any], ctx: Context) -> Any:
        ran.append(keyed)
        ctx.step(Text("step"), lambda: value)
        return {value: [value]}

    def of_a_type(given: Any) -> None:
        ran.append(given)

    of_a_type.__annotations__["given"] = type(built_in)
    handle = await echo.aenqueue(value, {value: [value]})
    await app.task(of_a_type).aenqueue(value)
    await burst(app, concurrency=1)  # two threads would append in either order
    ((key, (part,)),) = (await handle.aresult(timeout=1)).items()
    assert (key, str(part)) == (text, text)
    assert ran == [{key: [part]}, built_in]
    assert type(ran[1]) is type(built_in)


async def test_every_text_of_a_job_is_stored_as_text(app: App) -> None:
    @app.task(name=Queue.SLOW, queue=Text("one"))
    def note() -> None: ...

    assert (note.name, note.queue) == ("slow", "one")
    changed = note.using(
        queue=Queue.SLOW, tags=[Text("tag"), Queue.SLOW], meta={Text("name"): Text("text")},
        unique=Queue.SLOW,
    )  # fmt: skip
    job = await (await changed.aenqueue()).ajob()
    assert (job.task, job.queue, job.unique_key) == ("slow", "slow", "slow")
    assert (job.tags, job.meta) == (("tag", "slow"), {"name": "text"})
    texts = [job.task, job.queue, *job.tags, *job.meta, *job.meta.values()]
    assert {type(one) for one in texts} == {str}
    found = await note.handle(Text(job.id)).ajob()
    assert found.id == job.id


async def test_a_key_of_a_period_is_that_of_its_text(app: App) -> None:
    @app.task
    def note() -> None: ...

    first = await note.using(unique=unique(Queue.SLOW, period="1h")).aenqueue()
    second = await note.using(unique=unique("slow", period="1h")).aenqueue()
    third = await note.using(unique=Unique(Queue.SLOW, period=3_600_000_000)).aenqueue()
    assert first.id == second.id == third.id


async def test_what_a_hook_and_the_caller_build_is_stored_as_text(app: App) -> None:
    @app.task
    def note() -> None: ...

    @app.on_enqueue
    def tag(job: NewJob) -> NewJob:
        job.meta["who"] = Text("me")
        return msgspec.structs.replace(job, tags=(Text("tag"),), queue=Queue.SLOW)

    @app.on_enqueue
    def in_place(job: NewJob) -> NewJob:
        job.meta["where"] = Text("here")
        return job

    handle = await note.aenqueue()
    job = await stored(app, handle.id)
    assert (job.queue, job.tags, job.meta) == ("slow", ("tag",), {"who": "me", "where": "here"})


def test_a_batch_is_looked_at_one_by_one() -> None:
    plain = NewJob(id="a", task="t", args=b"{}", meta={"a": "b"})
    other = msgspec.structs.replace(plain, id="b", meta={Text("a"): Text("b")})
    again = NewJob(id="c", task=Text("t"), args=b"{}", unique=Unique(Text("key")))
    first, second, third = admit([plain, other, again])
    assert first is plain
    assert {type(one) for one in (*second.meta, *second.meta.values(), third.task)} == {str}
    assert third.unique is not None
    assert type(third.unique.key) is str


async def test_calls_of_equal_texts_have_one_unique_key(app: App) -> None:
    @app.task(unique=True)
    def note(given: Any, names: set[str], kept: str = Text("x")) -> None: ...

    first = note.job(Text("a"), {Text("b"), Text("c")})
    assert first.unique == note.job("a", {"c", "b"}, "x").unique


def test_one_that_holds_more_than_the_built_in_type_is_refused() -> None:
    class Finer(timedelta):
        def __eq__(self, other: object) -> bool:
            return False

        __hash__ = timedelta.__hash__

    @App("memory://").task
    def note(given: Any) -> None: ...

    with pytest.raises(BadArguments, match=r"given: a .*Finer that is not equal to its timedelta"):
        note.job(Finer(seconds=1))
