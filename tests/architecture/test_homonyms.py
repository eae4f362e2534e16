"""One idea per word: a class or a module has a name of its own, or a reason to share it."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import pytest

from tests.architecture.tree import SOURCE, python_files

# Classes that share a name because they are one idea in several places.
CLASSES = {
    "Address": "how each engine reads its own URL",
    "Notifier": "how each engine lets its workers wait for jobs and wakes them",
    "RowRange": "the rows that one look for unreadable ones covers, in each SQL engine",
    "Session": "what one process holds open on a store, in each SQL engine",
    "TaskConnection": "the connection that an engine gives to a task",
}

# Modules that share a name because they are one idea in several places; besides twins (below).
MODULES = {
    "advancing": "writing what `core.advance` decides: the loop over it, and each engine's plan",
    "app_protocol": "what a package needs of the app",
    "clock": "the clock that an engine is given, and the one that tests move",
    "enqueue": "the way of a job into the store, and its contract",
    "errors": "the errors that users see, and the driver's errors translated into them",
    "failure": "what an error means at the end of a package's work",
    "occurrence": "an occurrence, and what a task sees of its own one",
    "options": "what a person may set, at each place where options are taken",
    "page": "a page of jobs: as engines return it, and as the management interface does",
    "processes": "child processes that are started, killed and cleaned up",
    "records": "records of jobs, queues and workers: read from rows, and shown to people",
    "run": "a whole run of the demo, and of the benchmark",
    "worker": "the worker, and the command that runs one",
}


def twins(paths: Iterable[PurePath]) -> bool:
    """Whether files of one name are one idea by where they stand.

    Engines have the same files, the contract has a file for each role, the conformance suite one
    for each part of the promise, and the command line one for each part of the management
    interface; ``client/schedules.py`` keeps what the part `schedules` shows.
    """
    rooms = {path.parts[0] if path.parts[0] != "testing" else "conformance" for path in paths}
    if rooms <= {"engines", "contract", "conformance"}:
        return True
    if "conformance" in rooms:
        return len(rooms) == 2
    return rooms <= {"manage", "cli"} or (rooms == {"manage", "cli", "client"})


def defined(text: str) -> Iterator[str]:
    """Yield the public classes of a file."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def homonyms(files: Iterable[tuple[PurePath, str]]) -> Iterator[str]:
    """Find names of classes and modules that stand for several ideas; paths are in the package."""
    classes: dict[str, list[PurePath]] = defaultdict(list)
    modules: dict[str, list[PurePath]] = defaultdict(list)
    for path, text in files:
        if path.stem not in ("__init__", "__main__"):
            modules[path.stem].append(path)
        for name in defined(text):
            classes[name].append(path)
    for name, paths in sorted(classes.items()):
        if len(paths) > 1 and name not in CLASSES:
            yield f"class {name} is defined in {', '.join(map(str, paths))}"
    for name, paths in sorted(modules.items()):
        if len(paths) > 1 and name not in MODULES and not twins(paths):
            yield f"module {name} is {', '.join(map(str, paths))}"


def package() -> list[tuple[PurePath, str]]:
    return [(read(path), path.read_text(encoding="utf-8")) for path in python_files(SOURCE)]


def read(path: Path) -> PurePath:
    return PurePath(path.relative_to(SOURCE).as_posix())


def test_every_word_has_one_idea() -> None:
    found = list(homonyms(package()))
    assert not found, "\n" + "\n".join(found)


def test_every_exception_is_needed() -> None:
    files = package()
    shared = {name for _, text in files for name in defined(text)}
    assert set(CLASSES) <= shared
    stems = [path.stem for path, _ in files]
    assert [name for name in MODULES if stems.count(name) < 2] == []


@pytest.mark.parametrize(
    "files",
    [
        [("engines/sqlite/door.py", "class Door: ..."), ("worker/entry.py", "class Door: ...")],
        [("client/door.py", ""), ("worker/door.py", "")],
        [("engines/sqlite/rule.py", ""), ("client/rule.py", "")],
        [("core/rule.py", ""), ("testing/conformance/rule.py", ""), ("cli/rule.py", "")],
    ],
)
def test_a_homonym_is_caught(files: list[tuple[str, str]]) -> None:
    assert list(homonyms((PurePath(path), text) for path, text in files))


@pytest.mark.parametrize(
    "files",
    [
        [("core/a.py", "class _Loop: ..."), ("worker/b.py", "class _Loop: ...")],
        [("engines/sqlite/rows.py", ""), ("engines/postgres/rows.py", "")],
        [("contract/fleet.py", ""), ("engines/memory/fleet.py", "")],
        [("cli/dead.py", ""), ("manage/dead.py", "")],
        [("core/fence.py", ""), ("testing/conformance/fence.py", "")],
        [("core/__init__.py", ""), ("worker/__init__.py", "")],
    ],
)
def test_one_idea_may_have_several_files(files: list[tuple[str, str]]) -> None:
    assert not list(homonyms((PurePath(path), text) for path, text in files))
