"""A schedule with numbers that only another program can have written costs itself only."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
import pytest

from dutiful import App, BadSchedule
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule, read, written
from tests.cli.conftest import Run
from tests.cli.conftest import run as run  # a fixture
from tests.manage.conftest import shop
from tests.manage.test_unreadable import Place, spoil
from tests.manage.test_unreadable import place as place  # a fixture

HOURLY = Interval(3600_000_000)
SPANS = ("jitter", "start_within", "finish_within", "expires_in", "misfire_window", "late_after")
NUMBERS = (*SPANS, "priority", "max_attempts", "misfire_max", "born", "bounds.start", "bounds.end")
FAR = (10**21, -(10**21), 2**63, -(2**63), 1e300, 10**5000, "NaN", "soon", [])
ROW = ("next_at", "last_at", "held_at", "paused_at", "retired_at", "created_at", "changed_at")


def spec(field: str, value: Any) -> bytes:
    """Write a schedule with something else in one field."""
    found: dict[str, Any] = msgspec.json.decode(
        written(Schedule(name="b", task="mail", rule=HOURLY, args='{"to":"x"}'))
    )
    part, (*way, last) = found, field.split(".")
    for step in way:
        part = part.setdefault(step, {})
    part[last] = "here"
    number = "1" + "0" * 5000 if value == 10**5000 else msgspec.json.encode(value).decode()
    return msgspec.json.encode(found).replace(b'"here"', number.encode())


@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_beyond_all_reach_is_refused_when_it_is_read(field: str) -> None:
    assert read(spec(field, 1 if "bounds" not in field else 2**40))
    for value in FAR:
        with pytest.raises(BadSchedule, match="cannot be read"):
            read(spec(field, value))


def test_so_is_one_in_a_former_rule() -> None:
    former = {"until": 10**21, "rule": {"type": "interval", "period": 1}, "bounds": {}}
    times = {"misfire": "once", "misfire_max": 1, "misfire_window": None, "late_after": 0}
    with pytest.raises(BadSchedule, match="until=1000000000000000000000 is out of range"):
        read(spec("former", former | times))
    assert read(spec("former", former | times | {"until": 5}))


@pytest.mark.parametrize("field", ["jitter", "start_within", "priority", "bounds.end"])
async def test_every_look_goes_on(place: Place, field: str) -> None:
    app, tables = place
    for name in ("a", "b", "c"):
        await app.schedules.acreate(app.tasks["mail"], HOURLY, name=name, args=("x",))
    for value in FAR:
        spoil(tables, "schedule", "spec", spec(field, value), "name = 'b'")
        listed = await app.schedules.alist()
        assert [one.status for one in listed] == ["active", "broken", "active"], value
        assert [one.name async for one in app.schedules.aiterate()] == ["a", "b", "c"]
        record = await app.schedules.aget("b")
        assert (record.definition, record.jitter) == (None, None)
        assert "cannot be read" in str(record.broken)
        assert await app.schedules.ahistory("b") == ()
        with pytest.raises(BadSchedule):
            await app.schedules.aupcoming("b")
        findings = {one.name: one for one in await app.schedules.acheck(code=False)}
        assert [findings[name].ok for name in "abc"] == [True, False, True]
        assert field.split(".")[-1] in findings["b"].text


@pytest.mark.parametrize("column", ROW)
async def test_so_does_it_for_each_time_of_the_row(place: Place, column: str) -> None:
    app, tables = place
    for name in ("a", "b", "c"):
        await app.schedules.acreate(app.tasks["mail"], HOURLY, name=name, args=("x",))
    for value in (2**63 - 1, -(2**63)):
        spoil(tables, "schedule", column, value, "name = 'b'")
        assert [one.status for one in await app.schedules.alist()][::2] == ["active", "active"]
        record = await app.schedules.aget("b")
        assert record.unreadable in (column, column.removesuffix("_at"))
        assert isinstance(record.created_at, datetime)
        findings = {one.name: one for one in await app.schedules.acheck()}
        assert f"its row cannot be read, in {record.unreadable}:" in findings["b"].text


@pytest.mark.parametrize(("field", "value"), [("priority", 10**6), ("expires_in", 2 * 10**17)])
async def test_what_no_job_may_have_is_found_by_the_check(app: App, field: str, value: int) -> None:
    schedule = Schedule(name="b", task="mail", rule=HOURLY, args='{"to":"x"}')
    odd = msgspec.structs.replace(schedule, **{field: value})
    assert await app.store.schedules.put_schedule(odd, replace=False)
    (finding,) = [one for one in await app.schedules.acheck() if one.name == "b"]
    assert not finding.ok
    assert f"its jobs cannot be made: schedule 'b': {field}" in finding.text
    assert (await app.schedules.aget("b")).definition is not None


def test_the_command_line_goes_on(tmp_path: Any, run: Run) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    app = shop(url)

    async def fill() -> None:
        async with app:
            for name in ("a", "b"):
                odd = Schedule(name=name, task="mail", rule=HOURLY, args='{"to":"x"}')
                if name == "b":
                    odd = msgspec.structs.replace(odd, jitter=10**21)
                await app.store.schedules.put_schedule(odd, replace=False)

    asyncio.run(fill())
    for words, code in (
        (["list"], 0),
        (["list", "--json"], 0),
        (["show", "b"], 0),
        (["show", "b", "--json"], 0),
        (["check"], 1),
        (["next", "b"], 2),
    ):
        said = run("schedules", *words, "--url", url)
        assert said.code == code, (words, said)
        assert "Traceback" not in said.err
    listed = run("schedules", "list", "--json", "--url", url).json
    assert [one["status"] for one in listed] == ["active", "broken"]
    assert "jitter=1000000000000000000000" in listed[1]["broken"]
