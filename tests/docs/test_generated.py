"""The generated pages say what the code says now."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_up_to_date(generate: ModuleType) -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, text in generate.pages().items()
        if path.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `make docs`: {', '.join(stale)}"


def test_every_part_is_on_a_page(generate: ModuleType) -> None:
    text = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    for name in generate.PARTS:
        assert text.count(f"<!-- begin: {name} -->") == text.count(f"<!-- end: {name} -->") == 1


def test_a_stale_page_is_found(generate: ModuleType) -> None:
    page = "<!-- begin: names -->\nstale text\n<!-- end: names -->"
    fresh = generate.filled(page)
    assert "stale text" not in fresh
    assert generate.filled(fresh) == fresh


def test_an_unknown_part_is_an_error(generate: ModuleType) -> None:
    with pytest.raises(KeyError):
        generate.filled("<!-- begin: nothing -->\n<!-- end: nothing -->")
