"""The architecture page names tests and files that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRACTS = ROOT / "src" / "dutiful" / "testing" / "conformance"

TESTS = re.findall(r"`([\w/]+\.py)::([\w:]+)`", PAGE)
FILES = re.findall(r"`([\w/]+/\w+\.(?:py|sql))`", PAGE)


def names(path: Path) -> set[str]:
    """Return the functions of a file, those of classes as ``Class::function``."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{below.name}" for below in node.body if hasattr(below, "name")}
    return found


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_named_test_exists(file: str, name: str) -> None:
    path = ROOT / file if file.startswith("tests/") else CONTRACTS / file
    assert name in names(path)


def test_every_invariant_has_a_row() -> None:
    numbers = re.findall(r"^\| \*\*(\d+)\. ", PAGE, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 16)]


@pytest.mark.parametrize("file", sorted(set(FILES)))
def test_named_file_exists(file: str) -> None:
    places = (ROOT, ROOT / "src" / "dutiful", ROOT / "src" / "dutiful" / "worker")
    assert any((place / file).exists() for place in (*places, ROOT / "src/dutiful/engines/sqlite"))
