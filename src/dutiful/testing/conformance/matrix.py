"""Which engine can do what and how many tests hold it to that, as tables for the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dutiful.contract.capability import Capability
from dutiful.contract.engine import Engine
from dutiful.testing.conformance.contracts import CONTRACTS
from dutiful.testing.conformance.requires import needs


def matrix(engines: Iterable[Engine | type[Engine]]) -> str:
    """Write two Markdown tables: capabilities by engine, and tests run of each contract."""
    shown = list(engines)
    names = [engine.name for engine in shown]
    tests = {contract.__name__: _tests(contract) for contract in CONTRACTS}
    every = [required for listed in tests.values() for required in listed]
    lines = _head(["An engine can ...", "tests", *names])
    for capability in Capability:
        count = str(sum(capability in required for required in every))
        answers = ["yes" if capability in engine.capabilities else "no" for engine in shown]
        lines.append(_row([capability.value, count, *answers]))
    lines += ["", *_head(["Contract", *names])]
    for contract, listed in tests.items():
        held = [sum(need <= engine.capabilities for need in listed) for engine in shown]
        lines.append(_row([contract, *(f"{count} of {len(listed)}" for count in held)]))
    return "\n".join(lines) + "\n"


def _tests(contract: type[Any]) -> list[frozenset[Capability]]:
    methods: list[Callable[..., Any]] = [
        getattr(contract, name) for name in dir(contract) if name.startswith("test_")
    ]
    return [needs(contract, method) for method in methods]


def _head(cells: list[str]) -> list[str]:
    return [_row(cells), _row(["---"] * len(cells))]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
