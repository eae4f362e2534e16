"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

from dutiful import core
from dutiful.testing import clock

MODULES = [room.name for room in pkgutil.walk_packages(core.__path__, "dutiful.core.")]


@pytest.mark.parametrize("name", [*MODULES, clock.__name__])
def test_the_examples_of_a_module_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.failed == 0


def test_there_are_examples() -> None:
    modules = [importlib.import_module(name) for name in MODULES]
    assert sum(doctest.testmod(module).attempted for module in modules) >= 3
