"""Every file and every name that the page "Where is ...?" gives exists."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "where-is.md"
CODE = r"`([^`]+)`"


class Answer(NamedTuple):
    """A row of the page."""

    question: str
    file: str
    name: str
    line: str


def answers(text: str) -> list[Answer]:
    """Return the rows of all tables; a row must have one file and one name."""
    found: list[Answer] = []
    for row in re.findall(r"^\| (.+) \|$", text, re.MULTILINE):
        question, file, name, line = row.split(" | ")
        if question.endswith("?"):
            [path], [identifier] = re.findall(CODE, file), re.findall(CODE, name)
            assert (file, name) == (f"`{path}`", f"`{identifier}`"), row
            found.append(Answer(question, path, identifier, line))
    return found


def names(path: Path) -> set[str]:
    """Return what a file defines, methods as ``Class.method``; of a page, its headings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    found: set[str] = set()
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name, body=body):
                below = {f"{name}.{one.name}" for one in body if hasattr(one, "name")}
                found |= {name, *below}
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case _:
                pass
    return found


def wrong(answer: Answer) -> list[str]:
    """Return what is wrong with an answer."""
    path = ROOT / answer.file
    if not path.is_file():
        return [f"{answer.question} there is no {answer.file}"]
    found = [] if answer.name in names(path) else [f"{answer.file} does not define {answer.name}"]
    beside = re.findall(r"`([\w/]+/[\w.]+\.(?:py|txt|md|sql))`", answer.line)
    return found + [
        f"{answer.question} there is no {file}"
        for file in beside
        if not any((folder / file).is_file() for folder in (ROOT, ROOT / "src" / "dutiful"))
    ]


ANSWERS = answers(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.file}::{answer.name}")
def test_the_answer_is_there(answer: Answer) -> None:
    assert wrong(answer) == []


def test_every_table_row_is_an_answer() -> None:
    rows = re.findall(r"^\| (?!Where is|How do|---)", PAGE.read_text(), re.MULTILINE)
    heads = re.findall(r"^\|---", PAGE.read_text(), re.MULTILINE)
    assert len(ANSWERS) == len(rows) > 40
    assert len(heads) == 4
    assert len({answer.question for answer in ANSWERS}) == len(ANSWERS)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md"])
def test_pages_for_strangers_lead_to_it(page: str) -> None:
    assert re.search(r"\((docs/)?where-is\.md\)", (ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("| a? | `src/dutiful/gone.py` | `settle` | text |", "there is no src/dutiful/gone.py"),
        ("| b? | `src/dutiful/core/settle.py` | `decide` | text |", "does not define decide"),
        ("| c? | `src/dutiful/core/settle.py` | `Rules.decide` | text |", "define Rules.decide"),
        ("| d? | `src/dutiful/core/settle.py` | `settle` | `core/gone.py` |", "no core/gone.py"),
        ("| e? | `docs/ARCHITECTURE.md` | `Promises` | text |", "does not define Promises"),
    ],
)
def test_a_stale_answer_is_found(row: str, complaint: str) -> None:
    [answer] = answers(row)
    [found] = wrong(answer)
    assert complaint in found


def test_an_answer_with_two_files_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        answers("| f? | `core/a.py` and `core/b.py` | `settle` | text |")
