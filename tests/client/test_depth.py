"""One bound on nesting, and on meta, holds at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dutiful import App, BadArguments, BadOption, Interval
from dutiful.core.admission import META_BYTES_MAX, admitted
from dutiful.core.depth import DEPTH_MAX, deep
from dutiful.core.instant import SECOND
from dutiful.core.payload import encode, offence
from dutiful.core.schedule import job_of
from dutiful.testing import harness

TOO_DEEP = "nested deeper than 64 levels"


def nest(levels: int, leaf: Any = 1) -> Any:
    value = leaf
    for _ in range(levels):
        value = [value]
    return value


def hooked(app: App) -> App:
    app.on_enqueue(lambda job: job)
    return app


def taker(app: App) -> Any:
    @app.task
    def take(value: Any) -> None: ...

    return take


DOORS: list[Callable[[App, Any], Any]] = [
    lambda app, value: taker(app).enqueue(value),
    lambda app, value: taker(hooked(app)).enqueue(value),
    lambda app, value: app.enqueue_many([taker(app).job(value)]),
    lambda app, value: app.every("10s", args=(value,))(taker(app)),
    lambda app, value: app.schedules.create(taker(app), Interval(SECOND), args={"value": value}),
]


@pytest.mark.parametrize("way", DOORS)
@pytest.mark.parametrize("levels", [65, 100, 200, 3000])
def test_what_is_nested_too_deep_is_refused(way: Callable[[App, Any], Any], levels: int) -> None:
    app = App("memory://")
    with harness(app), pytest.raises((BadArguments, BadOption), match=f"{TOO_DEEP}|recursion"):
        way(app, nest(levels))


@pytest.mark.parametrize("way", DOORS)
def test_what_may_be_nested_is_taken(way: Callable[[App, Any], Any]) -> None:
    app = App("memory://")
    with harness(app):
        way(app, nest(DEPTH_MAX - 1))
        assert not deep(encode(nest(DEPTH_MAX), what="x"))


def test_models_are_measured_by_their_json() -> None:
    class Box(msgspec.Struct):
        inner: Any

    value: Any = 1
    for _ in range(70):
        value = Box(value)
    with pytest.raises(BadArguments, match=TOO_DEEP):
        encode(value, what="x")


def test_brackets_in_texts_are_no_levels() -> None:
    assert encode(["[" * 500, '"[{\\' * 500, '\\"' * 500], what="x")
    assert encode([[1]] * 10_000, what="x")


@given(
    st.recursive(
        st.none() | st.text('[]{}"\\a', max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]"\\'), inner),
        max_leaves=8,
    ),
    st.integers(0, 70),
)
def test_nothing_too_deep_is_overlooked(value: Any, levels: int) -> None:
    value = nest(levels, value)
    assert deep(msgspec.json.encode(value)) or offence(value) is None


def schedule(**given: Any) -> Any:
    app = App("memory://")
    app.every("10s", **given)(taker(app))
    return app.schedules.declared[given.get("name", next(iter(app.tasks)))]


@pytest.mark.parametrize("room", [0, 12, 60])
def test_meta_of_a_schedule_leaves_room_for_what_is_added(room: int) -> None:
    meta = {"k": "x" * (META_BYTES_MAX - len('{"k":""}') - room)}
    with pytest.raises(BadOption, match=r"meta takes .* given besides"):
        schedule(args=(1,), meta=meta)


def test_what_a_schedule_was_accepted_with_makes_jobs() -> None:
    found = schedule(args=(1,), meta={"k": "x" * (META_BYTES_MAX - 400)}, name="n" * 100)
    job = job_of(found, 8 * 10**17, 8 * 10**17, backfilled=True)
    assert admitted(msgspec.structs.replace(job, meta={**job.meta, "by_hand": "yes"}))
