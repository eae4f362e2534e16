"""Values that a task's annotations mark are marked in its jobs, and hidden in what people read."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NewType, Required, TypedDict, Unpack

import msgspec
import pytest

from dutiful import (
    App,
    BadArguments,
    BadPayload,
    Cancel,
    Context,
    Discard,
    Retry,
    Sensitive,
)
from dutiful.client.sensitive import marked
from dutiful.core.event import Event, HookFailed, JobDied
from dutiful.core.job import NewJob
from dutiful.core.redaction import MARKS
from tests.worker.support import burst

CARD = "4242424242424242"
Secret = Annotated[str, Sensitive]


class Node(msgspec.Struct, rename="camel"):
    card_no: Secret
    n: int = 0
    more: Node | None = None


class Row(msgspec.Struct, array_like=True):
    n: int
    pin: Annotated[int, Sensitive()]


@dataclasses.dataclass
class Order:
    nodes: list[Node]
    pins: dict[str, Annotated[int, Sensitive]]


class Options(TypedDict, total=False):
    token: Required[Secret]
    n: int


class ShortCard(msgspec.Struct):
    number: Secret

    def __post_init__(self) -> None:
        if len(self.number) < 16:
            raise ValueError(f"{self.number} is too short")


class Pair(NamedTuple):
    n: int
    token: Secret


Card = NewType("Card", Secret)


def every(
    a: Secret,
    b: Node | None,
    c: Order,
    d: Options,
    *rest: Secret,
    e: Pair,
    f: Card,
    g: list[Row],
    h: tuple[int, Secret],
    i: int,
    j: Annotated[str | None, "described", Sensitive] = None,
    **more: Secret,
) -> Secret:
    return a


def unpacked(**options: Unpack[Options]) -> None: ...


def paths(function: Any) -> set[tuple[str, ...]]:
    hints = typing.get_type_hints(function, include_extras=True)
    return set(marked(inspect.signature(function).parameters.values(), hints))


def test_marks_are_found_wherever_a_type_may_stand() -> None:
    assert paths(every) == {
        ("a",),
        ("b", "cardNo"),
        ("b", "more"),
        ("c", "nodes", "*", "cardNo"),
        ("c", "nodes", "*", "more"),
        ("c", "pins", "*"),
        ("d", "token"),
        ("e", "1"),
        ("f",),
        ("g", "*"),
        ("h", "1"),
        ("rest", "*"),
        ("j",),
        ("more", "*"),
        ("return",),
    }
    assert paths(unpacked) == {("options", "token")}


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(f"sqlite:///{tmp_path}/jobs.db")


def test_only_jobs_with_sensitive_values_carry_a_mark(app: App) -> None:
    @app.task
    def charge(order: int, card: Secret) -> None: ...

    @app.task
    def plain(order: int) -> None: ...

    assert charge.job(1, CARD).meta == {MARKS: '[["card"]]'}
    assert plain.job(1).meta == {}
    assert charge.using(meta={"a": "b"}).job(1, CARD).meta == {"a": "b", MARKS: '[["card"]]'}


def test_a_refused_argument_is_not_repeated(app: App) -> None:
    @app.task
    def charge(order: int, short: ShortCard) -> None: ...

    with pytest.raises(BadArguments) as caught:
        charge.job(1, {"number": "4242424"})  # type: ignore[arg-type]  # as untyped code does
    assert "*** is too short" in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("in_place", [True, False])
def test_a_hook_cannot_lose_the_mark(app: App, in_place: bool) -> None:
    @app.on_enqueue
    def own_meta(job: NewJob) -> NewJob:
        if in_place:
            job.meta.clear()
            return job
        return msgspec.structs.replace(job, meta={"a": "b"})

    @app.task
    def charge(card: Secret) -> None: ...

    handle = charge.enqueue(CARD)
    assert app.jobs.get(handle.id).args == {"card": "***"}


async def test_records_hide_it_and_reveal_shows_it(app: App) -> None:
    @app.task
    def charge(card: Secret) -> Secret:
        return f"paid with {card}"

    async with app:
        handle = await charge.using(unique=f"card:{CARD}", tags=[CARD], meta={"by": CARD}).aenqueue(
            CARD
        )
        await burst(app)
        shown = await app.jobs.aget(handle.id)
        assert (shown.args, shown.result) == ({"card": "***"}, "***")
        assert (shown.tags, shown.meta) == (("***",), {"by": "***"})
        assert CARD not in repr([*(await app.jobs.alist()), shown])
        whole = await app.jobs.areveal(handle.id)
        assert (whole.args, whole.result) == ({"card": CARD}, f"paid with {CARD}")
        assert await handle.aresult() == f"paid with {CARD}"


async def test_errors_are_stored_without_it(app: App, tmp_path: Path) -> None:
    @app.task(retry=Retry(max_attempts=1))
    def fail(card: Secret) -> None:
        raise ValueError(f"declined: {card!r}")

    @app.task
    def cancel(card: Secret) -> None:
        raise Cancel(f"no more of {card}")

    @app.task
    async def discard(card: Secret) -> None:
        raise Discard(f"no use for {card}")

    async with app:
        for task in (fail, cancel, discard):
            await task.aenqueue(CARD)
        await burst(app)
        rows = [job async for job in app.jobs.aiterate()]
        errors = [error for job in rows for error in await app.jobs.aerrors(job.id)]
        said = f"{rows}{errors}{await app.dead.agroups()}"
        assert "declined: '***'" in said
        assert "no more of ***" in said
        assert "no use for ***" in said
        assert CARD not in said
        raw = [row for job in rows for row in await app.store.inspector.errors(job.id)]
        assert len(raw) == 2
        assert CARD not in repr(raw)


async def test_a_job_without_marks_is_hidden_by_the_code_of_its_task(app: App) -> None:
    @app.task
    def charge(card: Secret) -> None:
        raise ValueError(card)

    async with app:
        bare = msgspec.structs.replace(charge.job(CARD), meta={})
        await app.aenqueue_jobs([bare])
        await burst(app)
        shown = await app.jobs.aget(bare.id)
        assert (shown.args, shown.meta) == ({"card": "***"}, {})
        assert CARD not in repr(await app.store.inspector.errors(bare.id))


async def test_steps_are_shown_without_it(app: App) -> None:
    @app.task
    async def charge(ctx: Context, card: Secret) -> None:
        async def pay() -> dict[str, str]:
            return {"with": card}

        await ctx.step("pay", pay)

    async with app:
        handle = await charge.aenqueue(CARD)
        await burst(app)
        assert await app.jobs.asteps(handle.id) == {"pay": {"with": "***"}}
        assert await app.jobs.asteps(handle.id, reveal=True) == {"pay": {"with": CARD}}


async def test_events_of_hooks_are_without_it(app: App) -> None:
    failed: list[Event] = []
    app.bus.subscribe(lambda event: failed.append(event) if type(event) is HookFailed else None)

    @app.around_call
    @contextmanager
    def around(ctx: Context) -> Iterator[None]:
        if ctx.job.args:
            raise ValueError(f"around {ctx.job.args!r}")
        yield

    @app.on_death
    def died(event: JobDied) -> None:
        raise ValueError(f"died {event.job.args!r}")

    @app.task(retry=Retry(max_attempts=1))
    def charge(card: Secret) -> None: ...

    async with app:
        await charge.aenqueue(CARD)
        await burst(app)
    assert len(failed) == 2
    assert CARD not in repr(failed)


def test_schedules_are_shown_without_it(app: App) -> None:
    @app.every("1h", args=(CARD,), tags=(CARD,))
    @app.task
    def charge(card: Secret) -> None: ...

    app.schedules.declare()
    record = app.schedules.get("charge")
    assert record.args == {"card": "***"}
    assert CARD not in repr(record)
    handle = app.schedules.run("charge")
    assert app.jobs.reveal(handle.id).args == {"card": CARD}
    assert app.jobs.get(handle.id).args == {"card": "***"}


async def test_a_change_that_does_not_fit_is_refused_without_it(app: App) -> None:
    @app.task
    def charge(card: ShortCard) -> None:
        raise Discard("no")

    async with app:
        handle = await charge.aenqueue(ShortCard(CARD))
        await burst(app)
        with pytest.raises(BadPayload) as caught:
            await app.dead.aredrive(handle.id, changes={"card.number": "9999888"})
        assert "*** is too short" in str(caught.value)
        assert caught.value.__cause__ is None
