"""A short version of the deploys under load; `make chaos ARGS="--only releases"` runs twenty."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.releases import releases

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_deploy_of_three_changes_costs_nothing(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    url = "" if engine == "sqlite" else request.getfixturevalue("postgres_database")
    found = releases(tmp_path, [3], rate=100, url=url)
    print(found.table())
    assert not found.faults()
    assert found.codes == {0: 3}
    assert found.delays.new
