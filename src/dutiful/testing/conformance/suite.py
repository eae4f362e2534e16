"""All contracts for one module of tests."""

from __future__ import annotations

from typing import Any

from dutiful.testing.conformance.contracts import CONTRACTS


def suite(namespace: dict[str, Any]) -> None:
    """Add one test class for each contract to a module: call ``suite(globals())`` in it.

    ``ClaimContract`` becomes ``TestClaim``; a class of that name that the module has is kept.
    """
    for contract in CONTRACTS:
        name = f"Test{contract.__name__.removesuffix('Contract')}"
        namespace.setdefault(name, type(name, (contract,), {"__module__": namespace["__name__"]}))
