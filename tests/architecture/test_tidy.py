"""The package is tidy, and each rule is seen to catch what it forbids."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import pytest

from tests.architecture import rules
from tests.architecture.tree import ROOT, SOURCE, TESTS, name, python_files, text_files

FILE_LINES_MAX = 300
TEST_LINES_MAX = 400


def assert_none(checked: Iterable[tuple[Path, Iterable[str]]]) -> None:
    complaints = [f"{name(path)}:{text}" for path, found in checked for text in found]
    assert not complaints, "\n" + "\n".join(complaints)


def sources(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in python_files(folder):
        yield path, path.read_text(encoding="utf-8")


def test_files_and_lines_are_short() -> None:
    assert_none((p, rules.length(t, FILE_LINES_MAX)) for p, t in text_files(SOURCE))
    assert_none((p, rules.length(t, TEST_LINES_MAX)) for p, t in sources(TESTS))


def test_functions_are_short_and_take_little() -> None:
    assert_none((p, rules.functions(t)) for p, t in sources(SOURCE))
    assert_none((p, rules.functions(t)) for p, t in sources(TESTS))


def test_nothing_is_left_unfinished() -> None:
    assert_none((p, rules.unfinished(t)) for p, t in text_files(SOURCE))


def test_comments_give_reasons() -> None:
    assert_none((p, rules.comments(t)) for p, t in sources(SOURCE))
    assert_none((p, rules.comments(t)) for p, t in sources(TESTS))


def test_files_are_named_and_placed_well() -> None:
    paths = python_files(SOURCE)
    assert_none((p, rules.place(p.relative_to(SOURCE))) for p in paths)


def test_no_registry_or_machine_is_named() -> None:
    assert_none((p, rules.addresses(t)) for p, t in text_files())


def pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def dead_links(page: Path) -> list[str]:
    return [
        f"{number}: leads nowhere: {target}"
        for number, target in rules.links(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]


def test_links_resolve() -> None:
    assert_none((page, dead_links(page)) for page in pages())


def docstring_faults(*targets: str, stdin: str | None = None) -> str:
    """Return what ruff says about docstrings alone."""
    ruff = Path(sys.executable).parent / "ruff"
    command = [ruff, "check", "--no-cache", "--quiet", "--output-format", "concise"]
    return subprocess.run(
        [*command, "--select", "D", *targets], input=stdin, cwd=ROOT, capture_output=True, text=True
    ).stdout


def test_every_public_name_is_explained() -> None:
    faults = docstring_faults("src")
    assert not faults, faults


LONG = "def f():\n" + "    pass\n" * 60
BAD = [
    (rules.length("x = 1\n" * 301, 300), "301 lines"),
    (rules.length("x = '" + "a" * 100 + "'\n", 300), "106 characters"),
    (rules.functions(LONG), "f has 61 lines"),
    (rules.functions("def f(a, b, c, d, e, f, g, h): ..."), "8 positional parameters"),
    (rules.unfinished("x = 1  # TO" + "DO: more"), "do it or open an issue"),
    (rules.comments("# ---- part two\n"), "banner"),
    (rules.comments("####\n"), "banner"),
    (rules.comments("x = f()  # type: ignore\n"), "without a code"),
    (rules.comments("x = f()  # type: ignore[arg-type]\n"), "' - reason'"),
    (rules.comments("import x  # noqa\n"), "without a code"),
    (rules.comments("# ruff: noqa: D102\n"), "' - reason'"),
    (rules.comments("x = f()  # pyright: ignore[reportAny]\n"), "' - reason'"),
    (rules.place(PurePath("core/utils.py")), "does not say"),
    (rules.place(PurePath("engines/redis_common.py")), "does not say"),
    (rules.place(PurePath("a/b/c/d/file.py")), "folders deep"),
    (rules.addresses("see https://py" + "pi.org/simple"), "registry"),
    (rules.addresses("--index-url" + " x"), "registry"),
    (rules.addresses("cd /" + "home/me"), "machine"),
    (rules.addresses('open("/' + 'work/main")'), "machine"),
]


@pytest.mark.parametrize(("found", "complaint"), BAD)
def test_rule_catches(found: Iterable[str], complaint: str) -> None:
    assert any(complaint in text for text in found)


GOOD = [
    rules.functions("class A:\n    def f(self, a, b, c, d, e, f, g, *, h=1, i=2): ..."),
    rules.comments("x = f()  # type: ignore[arg-type]  # the stubs lag behind\n"),
    rules.comments("x = f()  # noqa: S608 - only constants are joined\n"),
    rules.comments("# Why: a stale claim must not win - see the contract.\n"),
    rules.place(PurePath("engines/sqlite/sql/claim.py")),
    rules.addresses("GET https://example.org/work/1 and {root}/home/x"),
]


@pytest.mark.parametrize("found", GOOD)
def test_rule_allows(found: Iterable[str]) -> None:
    assert list(found) == []


def test_dead_link_is_caught(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md#part) [b](gone.md) `[c](code.md)` [d](https://example.org)\n"
        "```\n[e](code.md)\n```\n![f](gone.png)\n"
    )
    assert dead_links(page) == ["1: leads nowhere: gone.md", "5: leads nowhere: gone.png"]


def test_missing_docstring_is_caught() -> None:
    sample = '"""A module."""\n\n\ndef public():\n    """End in no stop"""\n\n\nclass Bare: ...\n'
    found = docstring_faults("--stdin-filename", "src/dutiful/sample.py", "-", stdin=sample)
    assert "D400" in found
    assert "D101" in found


def test_every_locked_file_is_written_by_one_command() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    locked = sorted(path.name for path in (ROOT / "requirements").glob("*.txt"))
    assert [file for file in locked if f"--output-file requirements/{file}\n" not in makefile] == []


def test_clocks_are_bound_at_import() -> None:
    """A task may replace a clock that is looked up in ``time`` when it is called."""
    clocks = {"monotonic", "monotonic_ns", "perf_counter", "time", "time_ns", "sleep"}
    found = [
        f"{name(path)}:{node.lineno}"
        for path in python_files(SOURCE)
        if path.relative_to(SOURCE).parts[0] not in ("cli", "testing")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
        and node.attr in clocks
    ]
    assert not found, f"write `from time import ...`: {found}"


def borrowed_threads(text: str) -> list[int]:
    """Return the lines that run something in the loop's default threads."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.Attribute) and node.attr == "to_thread")
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "run_in_executor"
            and isinstance(node.args[0], ast.Constant)
        )
    ]


def test_nothing_of_ours_runs_in_the_default_threads() -> None:
    """A task may have taken all of them, or shut them down."""
    found = [
        f"{name(path)}:{line}"
        for path, text in sources(SOURCE)
        if path.relative_to(SOURCE).parts[0] not in ("cli", "testing")
        for line in borrowed_threads(text)
    ]
    assert not found, f"use dutiful.contract.beside: {found}"


def test_a_use_of_the_default_threads_is_caught() -> None:
    text = "await asyncio.to_thread(f)\nloop.run_in_executor(None, f)\nloop.run_in_executor(p, f)\n"
    assert sorted(borrowed_threads(text)) == [1, 2]
