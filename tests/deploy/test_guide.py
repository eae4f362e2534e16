"""What the guide shows of the files is in them, in that order."""

from __future__ import annotations

import pytest

from tests.deploy.files import DEPLOY
from tests.docs.blocks import ROOT, Block, blocks

SHOWN = [
    block
    for block in blocks(ROOT / "docs" / "guides" / "containers.md")
    if block.note.startswith("from=")
]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.note)
def test_what_is_shown_is_in_the_file(block: Block) -> None:
    lines = iter((ROOT / block.note.removeprefix("from=")).read_text().splitlines())
    for line in block.text.splitlines():
        assert any(line == other for other in lines), line


def test_the_guide_names_every_file() -> None:
    assert len(SHOWN) == 3
    page = (ROOT / "docs" / "guides" / "containers.md").read_text()
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.parent.name not in ("grafana", "prometheus"):
            name = path.relative_to(ROOT).as_posix()
            assert name in page or path.suffix in (".dockerignore", ".py"), name
