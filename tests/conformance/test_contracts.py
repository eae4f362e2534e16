"""Every contract, for every engine of conftest.py."""

from typing import Any

import pytest

from dutiful.testing import conformance
from tests.conformance.conftest import STORES, unmade_store


class TestOpen(conformance.OpenContract):
    @pytest.fixture(params=STORES)
    def store(self, request: pytest.FixtureRequest) -> Any:
        return unmade_store(request, request.param)


conformance.suite(globals())
