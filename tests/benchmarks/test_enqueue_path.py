"""A sync enqueue takes a short way: few calls, and few files that a reader has to open."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.enqueue_path import Entered, changes, files, path_of, traced
from dutiful import App


@pytest.mark.parametrize(
    ("engine", "calls", "opened", "changed"), [("memory", 24, 13, 17), ("sqlite", 65, 20, 42)]
)
def test_an_enqueue_passes_through_few_files(
    tmp_path: Path, engine: str, calls: int, opened: int, changed: int
) -> None:
    path = path_of(engine, tmp_path)
    shown = "\n".join(f"{'  ' * one.depth}{one.function} ({one.file})" for one in path)
    assert (path[0].function, path[0].file) == ("BoundTask.enqueue", "client/task.py")
    assert len(path) <= calls, shown
    assert len(files(path)) <= opened, shown
    assert changes(path) <= changed, shown


def test_what_is_counted() -> None:
    app = App("memory://")
    path = traced(lambda: app.address)
    assert path[:3] == [
        Entered("app.py", "App.address", 0),
        Entered("app.py", "App.child_url", 1),
        Entered("client/lazy_store.py", "LazyStore.child_url", 2),
    ]
    assert files(path[:3]) == {"app.py", "client/lazy_store.py"}
    assert changes(path[:3]) == 1
