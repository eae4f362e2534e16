"""Pages, messages, help texts, docstrings and comments are understood in one reading."""

from pathlib import Path

import pytest

from tests.architecture import prose
from tests.architecture.tree import ROOT, SOURCE, name, python_files

# Decisions and the changelog quote what was; their words stay.
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent.name != "decisions"),
]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages_are_plain(page: Path) -> None:
    found = [f"{line}: {what}" for line, what in prose.in_text(page.read_text(encoding="utf-8"))]
    assert not found, "\n" + "\n".join(found)


def test_messages_help_texts_and_docstrings_are_plain() -> None:
    found = [
        f"{name(path)}:{line}: {what}"
        for path in python_files(SOURCE)
        for line, what in prose.in_code(path.read_text("utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


def test_comments_are_plain() -> None:
    found = [
        f"{name(path)}:{line}: {what}"
        for path in python_files(SOURCE)
        for line, what in prose.in_comments(path.read_text("utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


def test_comments_of_statements_are_plain() -> None:
    found = [
        f"{name(path)}:{line}: {what}"
        for path in sorted(SOURCE.glob("engines/*/sql/*.sql"))
        for line, what in prose.in_sql(path.read_text("utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Somebody cancelled the job.",
        "The worker is told to stop.",
        "All become due at once.",
        "The job is handed\nback.",
        "`dutiful worker` drains jobs at\n50,000 a second",
    ],
)
def test_a_private_word_is_caught(text: str) -> None:
    assert list(prose.in_text(text))
    assert list(prose.in_code(f"raise ValueError({text!r})"))
    assert list(prose.in_code(f"def f():\n    {text!r}"))


@pytest.mark.parametrize(
    "text",
    [
        "The heartbeat is sent every 2 s.",
        "`test_whoever_waits` is a test's name",
        "A worker drains on SIGTERM.",
        "the ``tell`` of a caller",
        "formerly",
    ],
)
def test_plain_words_are_allowed(text: str) -> None:
    assert not list(prose.in_text(text))


def test_a_word_in_a_comment_is_caught() -> None:
    assert [line for line, _ in prose.in_comments("x = 1\ny = 2  # nobody asks\n")] == [2]
    assert [line for line, _ in prose.in_sql("SELECT told\n-- asked at once\n")] == [2]


def test_names_and_strings_are_no_comments() -> None:
    assert not list(prose.in_comments("told = '# nobody'  # the column\n"))


def test_a_word_in_the_middle_of_an_f_string_is_caught() -> None:
    [(line, what)] = prose.in_code('x = 1\ny = f"{x} was told, {x}"')
    assert line == 2
    assert "told" in what
