"""Commands on a store of another package's engine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Place, Run
from tests.cli.shop import WORKER
from tests.cli.test_copy import on
from tests.installed_package import install

LITE = """
from dutiful.engines.sqlite import SqliteEngine

class LiteEngine(SqliteEngine):
    name = "lite"

def engine(url, settings):
    return LiteEngine(url.partition(":///")[2])
"""


@pytest.fixture
def lite(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Install a package that has lite://, and claims memory://."""
    engines = {"lite": "lite:engine", "memory": "lite:engine"}
    install(tmp_path / "site", "dutiful-lite", engines, {"lite": LITE})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield place
    sys.modules.pop("lite", None)


def test_a_command_reaches_it_by_its_url(lite: Place, run: Run) -> None:
    said = run("jobs", "list", "--url", "lite:///jobs.db", "--json")
    assert (said.code, len(said.json["jobs"]) > 3) == (0, True), said.err


def test_jobs_are_copied_to_it_and_back(lite: Place, run: Run) -> None:
    on("sqlite:///jobs.db", lambda engine: engine.fleet.leave(WORKER))
    there = run("copy", "sqlite:///jobs.db", "lite:///new.db", "--rescue", "--json")
    assert there.code == 0, there.err
    back = run("copy", "lite:///new.db", "sqlite:///third.db", "--verify", "--json")
    assert back.code == 0, back.err
    assert back.json["stored"] == there.json["stored"] > 0


def test_the_check_names_a_package_whose_claim_is_ignored(lite: Place, run: Run) -> None:
    said = run("check", "--json")
    found = [row for row in said.json if row["name"] == "engines"]
    assert [(row["ok"], row["text"]) for row in found] == [
        (
            True,
            "dutiful-lite 1.0 claims memory://; it is ignored: Dutiful's own engine is used",
        )
    ]
