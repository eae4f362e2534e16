"""Which engine can do what and how many tests hold it to that, as tables for the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dutiful.contract.capability import Capability
from dutiful.contract.engine import Engine
from dutiful.core.instant import spell
from dutiful.testing.clock import FakeClock
from dutiful.testing.conformance.contracts import CONTRACTS
from dutiful.testing.conformance.requires import Needs, needs
from dutiful.testing.conformance.suite_clock import SuiteClock


def matrix(
    engines: Iterable[Engine | type[Engine]], clocks: Mapping[str, SuiteClock] | None = None
) -> str:
    """Write Markdown tables: what engines can do, their other facts, and the tests run on each.

    ``clocks`` has the clock of each engine, by its name, whose tests do not move it by hand.
    """
    shown = list(engines)
    names = [engine.name for engine in shown]
    tests = {contract.__name__: _tests(contract) for contract in CONTRACTS}
    every = [need for listed in tests.values() for need in listed]
    lines = _head(["An engine can ...", "tests", *names])
    for capability in Capability:
        count = str(sum(capability in need.capabilities for need in every))
        answers = ["yes" if capability in engine.capabilities else "no" for engine in shown]
        lines.append(_row([capability.value, count, *answers]))
    lines += ["", *_head(["An engine's ...", *names])]
    lines += [_row([fact, *map(of, shown)]) for fact, of in _FACTS.items()]
    lines += ["", *_head(["Contract", *names])]
    for contract, listed in tests.items():
        held = [_held(engine, listed, (clocks or {}).get(engine.name)) for engine in shown]
        lines.append(_row([contract, *(f"{count} of {len(listed)}" for count in held)]))
    return "\n".join(lines) + "\n"


def _held(engine: Engine | type[Engine], listed: Iterable[Needs], clock: SuiteClock | None) -> int:
    return sum(need.unmet(engine, clock or FakeClock()) is None for need in listed)


def _number(value: int | None) -> str:
    return "no bound" if value is None else f"{value:,}"


def _span(value: int | None) -> str:
    return "no bound" if value is None else spell(value)


_FACTS: dict[str, Callable[[Engine | type[Engine]], str]] = {
    "lease belongs to": lambda engine: f"the {engine.lease_owner}",
    "attempts are counted by": lambda engine: f"the {engine.attempt_counter}",
    "payload holds at most (bytes)": lambda engine: _number(engine.bounds.payload),
    "batch holds at most (jobs)": lambda engine: _number(engine.bounds.batch),
    "longest delay": lambda engine: _span(engine.bounds.delay),
    "longest lease": lambda engine: _span(engine.bounds.lease),
    "jobs are kept, if not started, for": lambda engine: _span(engine.bounds.retention),
}


def _tests(contract: type[Any]) -> list[Needs]:
    methods: list[Callable[..., Any]] = [
        getattr(contract, name) for name in dir(contract) if name.startswith("test_")
    ]
    return [needs(contract, method) for method in methods]


def _head(cells: list[str]) -> list[str]:
    return [_row(cells), _row(["---"] * len(cells))]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
