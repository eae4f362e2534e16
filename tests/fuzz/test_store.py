"""The store's fuzz, shortly: `make fuzz` runs it for as long as one likes."""

from pathlib import Path
from uuid import uuid4

import pytest

from dutiful.servers.postgres import LocalServer
from tests.fuzz.store_seed import one_round


@pytest.mark.parametrize("number", [1, 2])
def test_rows_of_a_file_cost_themselves_alone(tmp_path: Path, number: int) -> None:
    one_round(f"sqlite:///{tmp_path}/jobs.db", number)


def test_rows_of_a_server_cost_themselves_alone(postgres: LocalServer) -> None:
    one_round(postgres.url(schema=f"jobs_{uuid4().hex[:12]}"), 3)
