"""The SQL files of the engines: each statement is used, each used one exists, files correspond."""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dutiful.engines import postgres, sqlite
from dutiful.engines.postgres.statements import statements as postgres_statements
from dutiful.engines.sqlite.statements import statements as sqlite_statements

LINES_MAX = 300
CALLED = {"sql", "_sql", "bare", "_lock_migrations"}
"""What is called with the name of a statement, in the code of the engines."""
FOR_ONE = {"listener.sql"}
"""SQLite's waiting workers are in files that are locked, not in a table."""


def folder(package: str) -> Path:
    return Path(package).parent


FOLDERS = {
    "sqlite": folder(sqlite.__file__),
    "postgres": folder(postgres.__file__),
}
STATEMENTS: dict[str, Callable[[], Mapping[str, str]]] = {
    "sqlite": sqlite_statements,
    "postgres": postgres_statements,
}


def trees(engine: str) -> Iterator[ast.Module]:
    for file in sorted(FOLDERS[engine].rglob("*.py")):
        if file.name != "statements.py":
            yield ast.parse(file.read_text(), str(file))


def names(node: ast.AST) -> set[str]:
    texts = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return {text for text in texts if isinstance(text, str)}


def asked(engine: str) -> set[str]:
    """The names of statements in the code of an engine."""
    found: set[str] = set()
    for tree in trees(engine):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                what = node.func
                called = what.id if isinstance(what, ast.Name) else getattr(what, "attr", "")
                if called in CALLED:
                    found = found.union(*map(names, node.args))
    return found


@pytest.mark.parametrize("engine", FOLDERS)
def test_every_statement_is_used(engine: str) -> None:
    assert set(STATEMENTS[engine]()) - asked(engine) == set()


@pytest.mark.parametrize("engine", FOLDERS)
def test_every_statement_that_is_used_is_declared(engine: str) -> None:
    assert len(asked(engine)) > 100
    assert asked(engine) - set(STATEMENTS[engine]()) == set()


@pytest.mark.parametrize("engine", FOLDERS)
def test_a_file_is_short_and_says_first_what_it_holds(engine: str) -> None:
    for file in sorted((FOLDERS[engine] / "sql").iterdir()):
        lines = file.read_text().splitlines()
        assert file.suffix == ".sql"
        assert lines[0].startswith("-- "), file
        assert lines[0].endswith("."), file
        assert len(lines) <= LINES_MAX, file
        assert max(map(len, lines)) <= 100, file


def test_the_engines_use_the_same_file_names() -> None:
    ours, theirs = (
        {file.name for file in (FOLDERS[engine] / "sql").iterdir()} for engine in FOLDERS
    )
    assert theirs - ours == FOR_ONE
    assert ours - theirs == set()


def test_a_statement_that_both_engines_have_is_named_alike() -> None:
    ours, theirs = ({singular(name): name for name in STATEMENTS[engine]()} for engine in FOLDERS)
    assert {
        (ours[key], theirs[key]) for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]
    } == set()


def singular(name: str) -> str:
    return "_".join(part.removesuffix("s") for part in name.split("_"))
