"""A blank value, as of a shell's unset variable, is refused and never widens a choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from dutiful.cli.main import app
from dutiful.cli.manual import commands
from tests.cli.conftest import Place, Run


def _valued() -> Iterator[tuple[tuple[str, ...], str, list[str]]]:
    """Yield each command, each of its options that takes a value, and what must be typed too."""
    for path, command in commands(typer.main.get_command(app)):
        if hasattr(command, "commands"):
            continue
        ctx = command.make_context(path[-1], [], resilient_parsing=True)
        options = [param for param in command.params if param.param_type_name == "option"]
        for option in options:
            shown = option.get_help_record(ctx)[0]
            valued = " " in shown.replace(", ", ",")  # behind the names stands what the value is
            if valued and option.opts[0] != "--orders":  # a file's name, which may be a blank
                yield path, option.opts[0], _needed(command.params, option)


def _needed(params: list[Any], but: Any) -> list[str]:
    needed = [param for param in params if param.required and param is not but]
    options = [param for param in needed if param.param_type_name == "option"]
    arguments = ["x" for param in needed if param not in options]
    return [*(word for param in options for word in (param.opts[0], "x")), *arguments]


_VALUED = list(_valued())


def test_options_are_found() -> None:
    found = {(" ".join(path), name) for path, name, _ in _VALUED}
    assert {
        ("jobs cancel", "--state"),
        ("jobs list", "--queue"),
        ("dead purge", "--since"),
        ("worker", "--queues"),
        ("schedules backfill", "--from"),
        ("bench", "--engine"),
    } <= found
    assert ("check", "--json") not in found


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize(("path", "name", "others"), _VALUED)
def test_a_blank_value_is_refused(
    path: tuple[str, ...], name: str, others: list[str], blank: str, run: Run
) -> None:
    said = run(*path, name, blank, *others)
    assert said.code == 2, said
    number = "is not a valid int" in said.err or "write a whole number" in said.err
    choice = "is not one of" in said.err  # which names them
    assert number or choice or f"{name} is empty\n  write {name} " in said.err, said


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "cancel", "", "--yes"),
        ("jobs", "retry", " "),
        ("jobs", "show", ""),
        ("dead", "purge", "", "--yes"),
        ("queues", "pause", ""),
        ("schedules", "delete", "", "--yes"),
        ("schedules", "next", ""),
        ("copy", "", "sqlite:///there.db"),
        ("worker", ""),
    ],
)
def test_a_blank_argument_is_refused(words: tuple[str, ...], run: Run) -> None:
    said = run(*words)
    assert said.code == 2, said
    assert " is empty\n  write " in said.err


@pytest.mark.parametrize(
    "options",
    [["--state", ""], ["--state", ","], ["-s", "queued,"], ["-s", " ", "-s", "queued"]],
)
@pytest.mark.parametrize("command", ["list", "cancel"])
def test_a_blank_state_chooses_nothing(
    place: Place, run: Run, command: str, options: list[str]
) -> None:
    before = run("jobs", "list", "--json").json
    said = run("jobs", command, *options, *(["--yes"] if command == "cancel" else []))
    assert said.code == 2, said
    assert "--state" in said.err
    assert run("jobs", "list", "--json").json == before


def test_the_advice_says_what_to_write(run: Run) -> None:
    assert run("jobs", "list", "--state", "").err.splitlines()[1].strip() == (
        "write --state STATE (in this state, such as dead; repeatable), or leave it out"
    )
    assert "write --url URL (the store" in run("check", "--url", "").err
    assert run("copy", "", "x").err.splitlines()[1].startswith("  write FROM (URL of the store")
