"""``dutiful schedules create``, ``delete``, ``pause``, ``resume`` and ``run``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dutiful.cli import as_json, render
from dutiful.cli import schedule_rows as rows
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import Common, Yes
from dutiful.cli.prompt import ask
from dutiful.cli.schedules import Name
from dutiful.cli.schedules_next import read_moment
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.errors import BadArguments, BadOption
from dutiful.core.text import shown
from dutiful.manage.reading import local, micros

if TYPE_CHECKING:
    from dutiful.client.schedule_options import ScheduleOptions
    from dutiful.core.rule import Rule
    from dutiful.manage.schedule_records import ScheduleRecord

_How = Literal["pause", "resume", "delete"]

_BY_NAME = "write arguments by name: --args '{\"n\": 1}'"

Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Names of schedules.")]


@dataclass(frozen=True, kw_only=True)
class When:
    """The rule of a schedule to create."""

    cron: Annotated[
        str | None,
        typer.Option(
            "--cron", metavar="EXPR", help='A cron expression, such as "0 9 * * MON-FRI".'
        ),
    ] = None
    every: Annotated[
        str | None, typer.Option("--every", metavar="SPAN", help="A fixed period, such as 10m.")
    ] = None
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="WHEN", help="One instant, such as 2026-12-24T18:00."),
    ] = None
    tz: Annotated[
        str, typer.Option("--tz", metavar="ZONE", help="The time zone of --cron and --at.")
    ] = "UTC"


@dataclass(frozen=True, kw_only=True)
class How:
    """The other options of a schedule to create."""

    args: Annotated[
        str | None,
        typer.Option("--args", metavar="JSON", help="The task's arguments by name, as JSON."),
    ] = None
    queue: Annotated[
        str | None,
        typer.Option(
            "--queue",
            "-Q",
            metavar="NAME",
            help="The queue of its jobs; by default that of the task.",
        ),
    ] = None
    misfire: Annotated[
        str | None,
        typer.Option(
            "--misfire",
            metavar="RULE",
            help="What follows missed occurrences: skip, once (default) or all.",
        ),
    ] = None
    overlap: Annotated[
        str | None,
        typer.Option(
            "--overlap",
            metavar="RULE",
            help="If a job still runs: allow, skip, queue-one or cancel-running.",
        ),
    ] = None
    jitter: Annotated[
        str | None,
        typer.Option("--jitter", metavar="SPAN", help="Delay each job by up to this time."),
    ] = None
    replace: Annotated[
        bool, typer.Option("--replace", help="Change the schedule if the name is taken.")
    ] = False


Task = Annotated[str, typer.Argument(metavar="TASK", help="The task's name.")]


@expand
def create_schedule(name: Name, task: Task, when: When, how: How, common: Common) -> None:
    """Create a schedule in the store, for a task of an app; name the app with --app."""
    rule = _rule(when)
    given = _given(name, how)

    async def body(opened: OpenTarget) -> None:
        if not opened.named:
            raise Wrong(
                "no app is named, so the task and its arguments cannot be checked",
                "add --app MODULE:NAME",
            )
        found = opened.app.find(task)
        try:
            await opened.app.schedules.acreate(found, rule, replace=how.replace, **given)
        except BadArguments as error:
            raise Wrong(str(error), _BY_NAME) from error
        except BadOption as error:  # which speaks to who writes Python
            raise Wrong(str(error).replace("replace=True", "--replace")) from error
        record = await opened.app.schedules.aget(name)
        if common.json:
            as_json.emit(rows.as_object(record))
            return
        _tell(record, record.zone or when.tz)

    reach(common, body)


def _tell(record: ScheduleRecord, zone: str) -> None:
    """Print when a schedule fires next, if it does."""
    name = record.name
    if record.status == "paused":
        render.say(f"Schedule {name} is paused: it does not fire until it is resumed.", "yellow")
    elif record.next is None:
        render.say(f"Schedule {name} does not fire any more.", "yellow")
    else:
        render.say(f"Schedule {name} fires next at {local(micros(record.next), zone)}.")


def _rule(when: When) -> Rule:
    from dutiful.core.rule import Cron, Dates, Interval

    if sum(part is not None for part in (when.cron, when.every, when.at)) != 1:
        raise Wrong("give exactly one rule", 'with --cron "0 9 * * *", --every 10m or --at WHEN')
    if when.every is not None:
        return Interval.every(when.every)
    if when.at is not None:
        return Dates((read_moment(when.at, when.tz, "--at"),))
    return Cron(when.cron or "", when.tz)


def _given(name: str, how: How) -> ScheduleOptions:
    given: dict[str, Any] = {"name": name}
    for word in ("queue", "misfire", "overlap", "jitter"):
        if (text := getattr(how, word)) is not None:
            given[word] = text
    if how.args is not None:
        try:
            given["args"] = json.loads(how.args)
        except (ValueError, RecursionError) as error:
            raise Wrong(f"--args {shown(how.args)} is not JSON: {error}", _BY_NAME) from None
        if not isinstance(given["args"], dict):
            raise Wrong("--args is not an object", _BY_NAME)
    found: ScheduleOptions = given  # type: ignore[assignment]  # built by name
    return found


@expand
def pause_schedules(names: Names, common: Common) -> None:
    """Stop schedules; occurrences due meanwhile follow the misfire rule after a resume."""
    _switch(names, common, "pause", "paused")


@expand
def resume_schedules(names: Names, common: Common) -> None:
    """Let schedules fire again."""
    _switch(names, common, "resume", "resumed")


@expand
def delete_schedules(names: Names, common: Common, yes: Yes = False) -> None:
    """Delete schedules and their history, not their jobs; a worker's start declares again."""
    _switch(names, common, "delete", "deleted", sure=yes)


def _switch(names: list[str], common: Common, how: _How, done: str, *, sure: bool = True) -> None:
    async def body(opened: OpenTarget) -> None:
        schedules = opened.app.schedules
        act = {
            "pause": schedules.apause,
            "resume": schedules.aresume,
            "delete": schedules.adelete,
        }[how]
        before = {name: await schedules.aget(name) for name in names}
        if not sure:
            several = ", ".join(before)
            ask(f"Delete {several}?", f"{several} would be deleted", as_json=common.json)
        changed = await act(*names)
        if common.json:
            as_json.emit({done: list(changed)})
            return
        for name in names:
            text = f"{name} is {done}." if name in changed else f"{name} was {done} already."
            render.say(text + _hint(before[name], how))

    reach(common, body)


def _hint(before: ScheduleRecord, how: _How) -> str:
    if before.retired_at is not None and how != "delete":
        return " It is retired, so it does not fire: declare it again in code."
    if before.retired_at is not None or how != "delete":
        return ""
    hint = "" if before.held is None else " The occurrence that it held is not made."
    if before.app is not None:
        hint += f" App {before.app} declares it: it is created again when a worker starts."
    return hint


def say_hooks(opened: OpenTarget) -> None:
    """Print that no hooks were run, if no app is named."""
    if not opened.named:
        render.say("No app was named, so no on_enqueue hooks were run; add --app MODULE:NAME.")


@expand
def run_schedule(name: Name, common: Common) -> None:
    """Enqueue an occurrence now, independently of the rule, even if the schedule is paused.

    The on_enqueue hooks of the app that --app names see its job.
    """

    async def body(opened: OpenTarget) -> None:
        ran = await opened.app.schedules.arun(name)
        if common.json:
            found = {"schedule": name, "job_id": ran.id, "created": ran.created}
            as_json.emit({**found, "hooks_run": opened.named})
            return
        if ran.created:
            render.say(f"Enqueued job {ran.id}.")
        else:
            render.say(f"Enqueued nothing: job {ran.id} holds its unique key.")
        say_hooks(opened)

    reach(common, body)
