"""What may be a task, and what is refused where it is written."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from dutiful import App, BadOption, Context, DuplicateTask, Retry, UnknownTask, UsageError
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker


def test_each_form_of_the_decorator() -> None:
    app = App("memory://")

    @app.task
    def bare() -> int:
        """Say so."""
        return 1

    @app.task()
    def called() -> int:
        return 2

    @app.task(name="given")
    def named() -> int:
        return 3

    def scale(number: int, by: int) -> int:
        return number * by

    class Adder:
        def __call__(self, number: int) -> int:
            return number + 1

    direct = app.task(name="length")(len)
    partial = app.task(name="partial")(functools.partial(scale, by=2))
    made = app.task(name="object")(Adder())
    with pytest.raises(BadOption, match="signature cannot be read"):
        app.task(name="odd")(int)
    assert [task() for task in (bare, called, named)] == [1, 2, 3]
    assert list(app.tasks) == ["bare", "called", "given", "length", "partial", "object"]
    assert (bare.name, bare.__doc__, repr(bare)) == ("bare", "Say so.", "<Task bare>")
    assert direct("abc") == 3
    assert (partial(3), made(1)) == (6, 2)
    assert partial.job(4).args == b'{"number":4}'
    assert made.job(4).args == b'{"number":4}'


def test_names_are_taken_once() -> None:
    app = App("memory://")

    def elsewhere() -> None: ...

    elsewhere.__module__ = "another"

    def define() -> Any:
        @app.task(name="same")
        def here() -> None: ...

        return here

    define()
    define()  # the same function, as after a reload
    with pytest.raises(DuplicateTask, match="both called 'same'"):
        app.task(name="same")(elsewhere)
    twin = define().fn
    twin.__module__ = "another"
    with pytest.raises(DuplicateTask):
        app.task(name="same")(twin)
    twin.__module__ = "__main__"
    app.task(name="same")(twin)


def test_two_apps_share_nothing() -> None:
    one, two = App("memory://"), App("memory://")

    @one.task(name="mine")
    def first() -> int:
        return 1

    @two.task(name="mine")
    def second() -> int:
        return 2

    assert (one.find("mine"), two.find("mine")) == (first, second)
    with pytest.raises(UnknownTask, match="did you mean mine"):
        one.find("mime")


class Shop:
    def charge(self) -> None: ...

    @staticmethod
    def refund() -> int:
        return 1

    def close(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_retries": 3}, "no option 'max_retries'"),
        ({"quue": "a"}, "did you mean queue"),
        ({"retry": 3}, "retry=Retry"),
        ({"timeout": 0}, "use a time above 0"),
        ({"timeout": "2s", "hard_timeout": "1s"}, "shorter than timeout"),
        ({"timeout": "soon"}, "not a length of time"),
        ({"priority": 1000}, "-100 to 100"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], text: str) -> None:
    app = App("memory://")
    with pytest.raises(BadOption, match=text):

        @app.task(**options)
        def note() -> None: ...

    assert app.tasks == {}


def test_what_has_no_name_or_no_object_is_refused() -> None:
    app = App("memory://")
    with pytest.raises(BadOption, match="needs a name"):
        app.task(lambda: None)
    with pytest.raises(BadOption, match="is a method"):
        app.task(Shop.charge)
    assert app.task(Shop.refund)() == 1
    assert app.task(Shop().close)() == 2
    assert app.task(name="fine")(lambda: 3)() == 3


async def test_a_plain_call_runs_here_and_now() -> None:
    app = App("memory://")
    told: list[str] = []

    @app.task
    def sync(name: str, ctx: Context) -> str:
        told.append(ctx.job_id)
        return ctx.step("upper", str.upper, name) + ctx.step("lower", str.lower, name)

    @app.task
    async def on_loop(ctx: Context, name: str) -> int:
        async with ctx.transaction():
            return ctx.attempt

    @app.task
    def writes(ctx: Context) -> None:
        with ctx.transaction():
            told.append("never")

    assert sync("a") == "Aa"
    with pytest.raises(UsageError, match="needs a job"):
        await on_loop("a")
    with pytest.raises(UsageError, match="needs a job"):
        writes()
    assert len(told) == 1


async def test_a_task_called_by_a_task_is_a_part_of_it() -> None:
    told: list[tuple[str, str]] = []
    async with App("memory://") as app:

        @app.task
        def part(ctx: Context) -> str:
            told.append(("part", ctx.job_id))
            return ctx.step("upper", str.upper, "a")

        @app.task
        def sync(ctx: Context) -> str:
            told.append(("sync", ctx.job_id))
            return part()

        @app.task
        async def on_loop(ctx: Context) -> str:
            return part()  # a sync part of an async task has steps of its own kind

        one, two = await sync.aenqueue(), await on_loop.aenqueue()
        await Worker(app, WorkerOptions(burst=True, concurrency=1)).run()
        assert await one.aresult(timeout=1) == "A"
        assert await two.aresult(timeout=1) == "A"
        assert await app.store.inspector.steps(one.id) == {"upper": b'"A"'}
        assert await app.store.inspector.steps(two.id) == {}
    assert told[0][1] == told[1][1] == one.id
    assert told[2][1] != two.id


def test_retry_is_checked_where_it_is_written() -> None:
    with pytest.raises(BadOption, match="at least one"):
        Retry(max_attempts=0)
