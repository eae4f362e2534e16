"""Sync methods have async twins and are refused on a loop; commands reach stores through them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dutiful import App, UsageError
from dutiful.manage.dead import DeadLetters
from dutiful.manage.jobs import Jobs
from dutiful.manage.queues import Queues
from dutiful.manage.schedules import Schedules
from dutiful.manage.workers import Workers
from tests.architecture.tree import SOURCE

PARTS = {
    "jobs": Jobs,
    "dead": DeadLetters,
    "queues": Queues,
    "workers": Workers,
    "schedules": Schedules,
}
CALLS: dict[str, Callable[[App], Any]] = {
    "jobs.list": lambda app: app.jobs.list(),
    "jobs.iterate": lambda app: app.jobs.iterate(),
    "jobs.count": lambda app: app.jobs.count(),
    "jobs.get": lambda app: app.jobs.get("x"),
    "jobs.errors": lambda app: app.jobs.errors("x"),
    "jobs.logs": lambda app: app.jobs.logs("x"),
    "jobs.reveal": lambda app: app.jobs.reveal("x"),
    "jobs.steps": lambda app: app.jobs.steps("x"),
    "jobs.cancel": lambda app: app.jobs.cancel(all=True),
    "jobs.run_now": lambda app: app.jobs.run_now(all=True),
    "jobs.retry": lambda app: app.jobs.retry("x"),
    "dead.list": lambda app: app.dead.list(),
    "dead.iterate": lambda app: app.dead.iterate(),
    "dead.groups": lambda app: app.dead.groups(),
    "dead.redrive": lambda app: app.dead.redrive(all=True),
    "dead.purge": lambda app: app.dead.purge(all=True),
    "queues.list": lambda app: app.queues.list(),
    "queues.pause": lambda app: app.queues.pause("mail"),
    "queues.resume": lambda app: app.queues.resume("mail"),
    "workers.list": lambda app: app.workers.list(),
    "workers.quiet": lambda app: app.workers.quiet(all=True),
    "workers.drain": lambda app: app.workers.drain(all=True),
    "workers.resume": lambda app: app.workers.resume(all=True),
}
ROLES = {"inspector", "controller", "fleet", "scheduling", "retention", "transfer"}


def public(kind: type) -> set[str]:
    return {
        name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")
    }


@pytest.mark.parametrize("name", CALLS)
async def test_a_sync_call_is_refused_on_a_loop_and_names_its_twin(name: str) -> None:
    async with App("memory://") as app:

        @app.task(queue="mail")
        def mail() -> None: ...

        await mail.aenqueue()
        part, method = name.split(".")
        instead = "async for .*" if method == "iterate" else r"await \.\.\."
        said = rf"{method}\(\) would block the event loop.*{instead}a{method}\("
        with pytest.raises(UsageError, match=said):
            CALLS[name](app)
        (queue,) = await app.queues.alist()
        assert (part in PARTS, queue.counts["queued"], queue.paused) == (True, 1, False)


def test_every_sync_method_is_tried_here() -> None:
    """Those of schedules are tried in tests/client/test_on_a_loop.py."""
    twins = {
        f"{part}.{name}"
        for part, kind in PARTS.items()
        for name in public(kind)
        if part != "schedules" and hasattr(kind, f"a{name}")
    }
    assert twins == set(CALLS)


@pytest.mark.parametrize("part", PARTS)
def test_every_method_has_its_twin_with_the_same_options(part: str) -> None:
    kind = PARTS[part]
    names = public(kind) - {"declaration", "decorator"}
    for name in names:
        other = name[1:] if name[1:] in names else f"a{name}"
        assert other in names, name
        ours, theirs = (inspect.signature(getattr(kind, each)) for each in (name, other))
        assert set(ours.parameters) - {"stop"} == set(theirs.parameters) - {"stop"}, name


def test_an_app_has_one_of_each_part() -> None:
    app = App("memory://")
    for part, kind in PARTS.items():
        assert type(getattr(app, part)) is kind
        assert getattr(app, part) is getattr(app, part)
    assert not app.opened


def reaches(source: str) -> Iterator[str]:
    """Yield each use of a store's role."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ROLES:
            yield f"{node.lineno}: .{node.attr}"


def test_commands_ask_the_interface_and_no_role() -> None:
    """A copy reads and fills whole stores, which is no part of the interface."""
    found = [
        f"{path.name}:{use}"
        for path in sorted((SOURCE / "cli").glob("*.py"))
        if path.name != "copy.py"
        for use in reaches(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert list(reaches("opened.store.inspector.get(ids)")) == ["1: .inspector"]
