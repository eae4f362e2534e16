"""Two functions under one name are refused; one that is loaded again is not."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dutiful import App, BadOption, DuplicateTask


def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any) -> Any:
        return fn(*args)

    return wrapper


def charge() -> str:
    return "charged"


def refund() -> str:
    return "refunded"


def test_a_decorator_without_wraps_makes_two_functions_of_one_name() -> None:
    app = App("memory://")
    first = app.task(logged(charge))
    with pytest.raises(DuplicateTask, match=r"both called 'wrapper'.*functools\.wraps"):
        app.task(logged(refund))
    assert app.tasks == {"wrapper": first}
    assert app.task(logged(charge)) is app.tasks["wrapper"]


@pytest.mark.parametrize("way", ["closure", "default", "keyword default", "partial", "object"])
def test_a_factory_makes_many_functions_of_one_name(way: str) -> None:
    app = App("memory://")

    def made(number: int) -> Callable[..., Any]:
        def by_closure() -> int:
            return number

        def by_default(it: int = number) -> int:
            return it

        def by_keyword(*, it: int = number) -> int:
            return it

        class Called:
            __name__ = "called"

            def __call__(self) -> int:
                return number

        return {
            "closure": by_closure,
            "default": by_default,
            "keyword default": by_keyword,
            "partial": partial(by_default, number),
            "object": Called(),
        }[way]

    app.task(name="job")(made(1))
    with pytest.raises(DuplicateTask):
        app.task(name="job")(made(2))
    if way != "object":
        app.task(name="job")(made(1))


def test_lists_that_are_equal_are_not_one() -> None:
    def made(seen: list[int]) -> Callable[..., Any]:
        def job() -> None:
            seen.append(1)

        return job

    app = App("memory://")
    app.task(made([]))
    with pytest.raises(DuplicateTask):
        app.task(made([]))


SHOP = """
from dutiful import App
app = App("memory://")
def logged(fn, client=object()):
    def wrapper(n: int = 0):
        return client and fn()
    return wrapper
@app.on_enqueue
def traced(job):
    return job
@app.on_death
def mourned(died): ...
@app.on_enqueue
@(lambda fn: lambda job: job)
def unnamed(job): ...
@app.cron("0 9 * * *", name="nightly")
@app.task
def charge():
    return 1
@app.task(name="wrapped")
@logged
def inner():
    return 1
"""


def load(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (folder / "shop_again.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "shop_again", raising=False)
    return importlib.import_module("shop_again")


@pytest.mark.parametrize(
    "edit", [("", ""), ("return 1", "return 2"), ("def charge", "\n\ndef charge")]
)
def test_a_module_that_is_loaded_again_brings_its_tasks_and_hooks_as_they_are_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: tuple[str, str]
) -> None:
    # The app itself stays, as one that lives in another module does.
    text = SHOP.replace('app = App("memory://")', 'app = globals().get("app") or App("memory://")')
    shop: Any = load(tmp_path, text, monkeypatch)
    app, first = shop.app, shop.charge
    changed = text.replace(*edit).replace("0 9 * * *", "0 10 * * *")
    (tmp_path / "shop_again.py").write_text(changed)
    importlib.invalidate_caches()
    again: Any = importlib.reload(shop)
    assert again.app is app
    assert app.tasks["charge"] is again.charge is not first
    assert app.tasks["wrapped"] is again.inner
    assert (len(app.hooks.on_enqueue), len(app.hooks.on_death)) == (2, 1)
    assert app.hooks.on_enqueue[0] is again.traced
    assert app.schedules.declared["nightly"].rule.expression == "0 10 * * *"


def test_two_functions_of_one_name_in_one_module_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DuplicateTask, match="both called 'charge'"):
        load(tmp_path, f"{SHOP}@app.task\ndef charge():\n    return 2\n", monkeypatch)
    with pytest.raises(DuplicateTask, match="both called 'inner'"):
        load(
            tmp_path,
            f"{SHOP}for n in 1, 2:\n    app.task(name='inner')(lambda n=n: n)",
            monkeypatch,
        )


def test_two_files_that_are_loaded_under_one_name_are_two(tmp_path: Path) -> None:
    """As plugins are, each `plugin.py` of a folder of its own."""
    app = App("memory://")

    def load(folder: str) -> None:
        path = tmp_path / folder / "plugin.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("@app.task\ndef cleanup(): ...\n\n@app.on_death\ndef told(died): ...\n")
        spec = importlib.util.spec_from_file_location("plugin", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        vars(module)["app"] = app
        spec.loader.exec_module(module)

    load("a")
    load("a")
    assert len(app.hooks.on_death) == 1
    with pytest.raises(DuplicateTask, match=r"cleanup \(.*a/plugin\.py\) and .*b/plugin\.py\)"):
        load("b")


def test_a_cell_that_is_run_again_brings_its_task() -> None:
    app = App("memory://")

    def run(text: str, file: str) -> None:
        code, names = compile(text, file, "exec"), {"__name__": "__main__", "app": app}
        exec(code, names)  # noqa: S102 - a cell is run like that

    cell = "@app.task\ndef charge():\n    return 1\n"
    run(cell, "<stdin>")
    run(cell.replace("1", "2"), "<stdin>")
    run(cell.replace("1", "3"), "/tmp/kernel/cell-4.py")  # noqa: S108 - no file is opened
    assert app.tasks["charge"]() == 3
    with pytest.raises(DuplicateTask):
        run(f"{cell}\n{cell}", "/tmp/kernel/cell-5.py")  # noqa: S108 - likewise


def test_a_module_that_is_also_the_main_script_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop: Any = load(tmp_path, SHOP, monkeypatch)
    names: dict[str, Any] = {"__name__": "__main__"}
    text = SHOP.replace('app = App("memory://")', "")
    code = compile(f"from shop_again import app\n{text}", "shop.py", "exec")
    exec(code, names)  # noqa: S102 - a script is run like that
    assert shop.app.tasks["charge"] is names["charge"]


def test_two_hooks_of_one_factory_are_two_and_one_hook_is_one() -> None:
    app = App("memory://")

    def made(name: str) -> Callable[[Any], Any]:
        def hook(job: Any) -> Any:
            assert name
            return job

        return hook

    first, second = made("a"), made("b")
    for hook in (first, second, first):
        app.on_enqueue(hook)
    assert app.hooks.on_enqueue == [first, second]
    app.hooks.on_enqueue.clear()
    app.on_enqueue(second)
    app.hooks.on_enqueue[:] = [first, second]
    app.on_enqueue(second)
    assert app.hooks.on_enqueue == [first, second]


def test_two_schedules_of_one_name_are_refused() -> None:
    app = App("memory://")

    @app.cron("0 9 * * *", name="n")
    @app.task
    def job() -> None: ...

    app.cron("0 9 * * *", name="n")(job)
    with pytest.raises(BadOption, match="two schedules are called 'n'"):
        app.cron("0 10 * * *", name="n")(job)
