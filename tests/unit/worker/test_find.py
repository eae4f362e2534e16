"""How a child finds a task in the module that its worker names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dutiful import App, UnknownTask
from dutiful.client.task import Task
from dutiful.worker.isolation.child import find
from dutiful.worker.isolation.frames import Start, about
from tests.unit.worker.parts import claim

MODULE = "a_module_of_tasks"
Make = Callable[..., None]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Fill the module with what it is given."""

    def fill(**members: Any) -> None:
        made = ModuleType(MODULE)
        vars(made).update(members)
        monkeypatch.setitem(sys.modules, MODULE, made)

    return fill


def task(name: str, app: App | None = None) -> Task[..., Any, Any]:
    def body() -> None: ...

    return (app or App("memory://")).task(name=name, cpu=True)(body)


def found(attribute: str, name: str, app: str = "") -> Any:
    wanted = claim("1", name)
    return find(
        Start(
            about=about(wanted),
            module=MODULE,
            attribute=attribute,
            url=None,
            claim=wanted,
            handle=b"null",
            bytes_max=1000,
            app=app,
        )
    )


def test_a_task_is_found_at_its_place(module: Make) -> None:
    one, other = task("one"), task("other")
    module(Class=SimpleNamespace(one=one), other=other)
    assert found("Class.one", "one") is one
    assert found("other", "other") is other


def test_a_task_is_found_by_its_name_where_something_else_has_its_place(module: Make) -> None:
    one, other = task("one"), task("other")
    module(place=other, elsewhere=one)
    assert found("place", "one") is one


def test_a_task_is_found_in_its_app_where_no_name_of_the_module_stands_for_it(
    module: Make,
) -> None:
    app = App("memory://")
    one = task("one", app)
    module(place=len, tasks=7, first=App("memory://"), second=app)
    assert found("place", "one") is one
    assert found("nowhere.at.all", "one") is one


def test_a_task_that_is_nowhere_is_said_to_be_unknown(module: Make) -> None:
    module(place=task("other"), holder=SimpleNamespace(tasks={"one": "no task"}))
    with pytest.raises(UnknownTask, match=f"there is no task one in {MODULE}"):
        found("place", "one")


def test_of_two_apps_that_which_is_named_is_asked(module: Make) -> None:
    first, second = App("memory://"), App("memory://")
    one, other = task("one", first), task("one", second)
    module(first=first, shelf=SimpleNamespace(second=second), one=one)
    assert found("one", "one", f"{MODULE}:first") is one
    assert found("one", "one", f"{MODULE}:shelf.second") is other
    module(first=first, second=App("memory://"), one=one)
    with pytest.raises(UnknownTask):
        found("one", "one", f"{MODULE}:second")


def test_an_app_that_is_gone_leaves_its_task_where_it_was(module: Make) -> None:
    one = task("one")
    module(one=one)
    assert found("one", "one", f"{MODULE}:renamed") is one
    assert found("one", "one", "no_such_module:app") is one
