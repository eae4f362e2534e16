"""The suite itself: blind to names, skipping only what is declared, usable by strangers."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.engine import AttemptCounter, Bounds, LeaseOwner
from dutiful.core.instant import MINUTE, span
from dutiful.engines.memory import MemoryEngine
from dutiful.testing import FakeClock, conformance
from dutiful.testing.conformance import RealTime
from dutiful.testing.conformance.requires import needs
from tests.conformance import test_contracts
from tests.conftest import DECLARED

SHIPPED = sorted(Path(conformance.__file__).parent.glob("*.py"))
TESTS = sorted(Path(__file__).parent.glob("test_*.py"))
ENGINES = {"memory", "sqlite", "postgres", "redis", "sqs", "temporal", "sidekiq", "bullmq"}

STRANGER = '''
import pytest

from dutiful.contract.capability import Capability
from dutiful.core.errors import Unsupported
from dutiful.engines.memory import MemoryEngine
from dutiful.testing import conformance


def refuse(*args, **kwargs):
    raise Unsupported("bare", "do that")


class BareEngine(MemoryEngine):
    """Does no more than it must: a test that asks for more has not declared it."""

    name = "bare"
    poll = 1.0
    capabilities = frozenset(
        {
            Capability.ATOMIC_BATCH,
            Capability.FENCED,
            Capability.FLEET,
            Capability.IDEMPOTENT_ENQUEUE,
            Capability.NOTIFY,
            Capability.ORDER,
        }
    )

    def __init__(self, clock, tables=None):
        super().__init__(clock, tables)
        self.producer = Plain(self.producer)
        self.consumer = Given(self.consumer)
        self.sync_producer = self.transactional = self.inspector = self.controller = None
        self.schedules = self.retention = self.exporter = self.importer = None
        self.activity = self.alerts = self.orders = self.logs = None


class Plain:
    """Takes jobs without options."""

    def __init__(self, inner):
        self.inner = inner

    async def enqueue(self, jobs):
        for job in jobs:
            if job.unique or job.priority or job.delay or job.expires_in or job.run_at is not None:
                refuse()
        return self.inner.enqueue_sync(jobs)


class Given:
    """Gives jobs out and records no step."""

    record_step = refuse

    def __init__(self, inner):
        self.exchange, self.wait = inner.exchange, inner.wait


@pytest.fixture
def connect():
    made = []

    def instance(clock):
        made.append(BareEngine(clock, made[0].tables if made else None))
        return made[-1]

    return instance


@pytest.fixture
def ledger(): ...


@pytest.fixture
def caller(): ...


conformance.suite(globals())
'''


def listed(contract: type) -> list[str]:
    return [name for name in dir(contract) if name.startswith("test_")]


def branches_on_names(source: str) -> Iterator[str]:
    """Yield what looks at an engine's name or class to decide something."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.Match):
            inside = list(ast.walk(node))
            names = {part.value for part in inside if isinstance(part, ast.Constant)}
            if ENGINES & {name for name in names if isinstance(name, str)}:
                yield ast.unparse(node)
            if any(
                isinstance(part, ast.Attribute)
                and part.attr == "name"
                and "engine" in ast.unparse(part.value).lower()
                for part in inside
            ):
                yield ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
            if "engine" in ast.unparse(node.args[0]).lower():
                yield ast.unparse(node)


@pytest.mark.parametrize("file", [*SHIPPED, *TESTS], ids=lambda file: file.name)
def test_no_test_branches_on_the_engine(file: Path) -> None:
    assert list(branches_on_names(file.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "if engine.name == 'x': pass",
        "if name in ('sqlite', 'y'): pass",
        "isinstance(engine, MemoryEngine)",
        "match kind:\n    case 'redis': pass",
    ],
)
def test_a_branch_would_be_found(source: str) -> None:
    assert list(branches_on_names(source))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_the_suite_skips_in_one_place(file: Path) -> None:
    assert file.read_text().count("pytest.skip") == (file.name == "setting.py")
    assert "mark.skip" not in file.read_text()


def test_every_contract_is_run_here() -> None:
    held = [kind for kind in vars(test_contracts).values() if isinstance(kind, type)]
    for contract in conformance.CONTRACTS:
        assert [kind.__name__ for kind in held if issubclass(kind, contract)] == [
            f"Test{contract.__name__.removesuffix('Contract')}"
        ]


def test_every_test_is_named_as_a_sentence() -> None:
    for contract in conformance.CONTRACTS:
        assert [name for name in listed(contract) if name.count("_") < 3] == []


def test_the_contracts_are_many() -> None:
    assert sum(len(listed(contract)) for contract in conformance.CONTRACTS) >= 200


def test_every_capability_is_held_by_a_test() -> None:
    held = frozenset[Capability]().union(
        *(
            needs(contract, getattr(contract, name)).capabilities
            for contract in conformance.CONTRACTS
            for name in listed(contract)
        )
    )
    assert frozenset(Capability) - held == frozenset()


def time_used(test: Callable[..., Any]) -> tuple[bool, int | None]:
    """Return whether a test's own lines set or read the wall clock, and how long they let pass."""
    source = inspect.getsource(test)
    spans = [span(by) for by in re.findall(r'clock\.advance\("([^"]+)"\)', source)]
    if "comes_at(" in source or "pass_unit(" in source:
        spans.append(0)
    return bool(re.search(r"clock\.(step|now)\(", source)), sum(spans) if spans else None


@pytest.mark.parametrize("contract", conformance.CONTRACTS, ids=lambda kind: kind.__name__)
def test_every_test_that_uses_time_is_marked(contract: type) -> None:
    for name in listed(contract):
        test = getattr(contract, name)
        need, (reads, passes) = needs(contract, test), time_used(test)
        assert need.step or not reads or need.advance is not None, name
        assert need.step or passes is None or (need.advance or 0) >= passes, name
        assert need.step or passes is None or need.advance is not None, name


class Bounded(MemoryEngine):
    bounds = Bounds(batch=10, delay=MINUTE)
    lease_owner = LeaseOwner.JOB
    attempt_counter = AttemptCounter.BROKER
    capabilities = frozenset({Capability.DELAY})


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (conformance.requires(Capability.ORDER, Capability.FENCED), "capability: no FENCED, no OR"),
        (conformance.lacks(Capability.DELAY), "capability: has DELAY"),
        (conformance.leased_by(LeaseOwner.WORKER), "lease owner: the job, not the worker"),
        (conformance.counted_by(AttemptCounter.STORE), "attempt counter: the broker, not the st"),
        (conformance.bounded("payload"), "bound: none of payload"),
        (conformance.needs_delay("1h"), "bound: a delay of 1m at most, not 1h"),
        (conformance.needs_step, "clock: real, so that no test can set or stop it"),
        (conformance.needs_advance("2s"), "clock: real, and waits for 1s at most, not 2s"),
    ],
)
def test_a_skip_says_which_declaration_rules_the_test_out(mark: Any, reason: str) -> None:
    @mark
    def test() -> None: ...

    unmet = needs(test).unmet(Bounded, RealTime())
    assert unmet is not None
    assert unmet.startswith(reason)
    assert unmet.startswith(DECLARED)


@pytest.mark.parametrize(
    "mark",
    [
        conformance.requires(Capability.DELAY),
        conformance.lacks(Capability.ORDER),
        conformance.leased_by(LeaseOwner.JOB),
        conformance.counted_by(AttemptCounter.BROKER),
        conformance.bounded("batch", "delay"),
        conformance.needs_delay("1m"),
        conformance.needs_advance("1s"),
        conformance.needs_advance(),
    ],
)
def test_what_is_declared_is_not_skipped(mark: Any) -> None:
    @mark
    def test() -> None: ...

    assert needs(test).unmet(Bounded, RealTime()) is None
    assert needs(conformance.needs_step(test)).unmet(Bounded, FakeClock()) is None


def test_real_time_passes_and_cannot_be_set() -> None:
    clock = RealTime()
    before = clock.ticks()
    clock.advance("30ms")
    assert clock.ticks() - before >= 50_000
    with pytest.raises(AssertionError, match="needs_step"):
        clock.step("1h")


def test_a_module_keeps_its_own_class_of_a_contract() -> None:
    class TestClaim(conformance.ClaimContract): ...

    module: dict[str, Any] = {"__name__": "theirs", "TestClaim": TestClaim}
    conformance.suite(module)
    assert module["TestClaim"] is TestClaim
    assert issubclass(module["TestSettle"], conformance.SettleContract)
    assert len(module) == 1 + len(conformance.CONTRACTS)


def test_a_stranger_runs_the_suite_and_skips_only_what_is_undeclared(tmp_path: Path) -> None:
    """The stranger's project has neither our settings nor asyncio's automatic mode."""
    (tmp_path / "test_bare.py").write_text(STRANGER)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    ]
    result = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-W", "error", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    skips = [line for line in result.stdout.splitlines() if line.startswith("SKIPPED")]
    assert skips
    assert all(any(reason in line for reason in DECLARED) for line in skips)


def test_the_matrix_shows_capabilities_and_contracts() -> None:
    text = conformance.matrix([MemoryEngine])
    assert "| An engine can ... | tests | memory |" in text
    rows = {row.split(" | ")[0]: row.split(" | ")[-1] for row in text.splitlines()}
    assert rows["| keep unique rules"] == "yes |"
    assert rows["| migrate a schema"] == "no |"
    total = len(listed(conformance.ClaimContract))
    assert rows["| ClaimContract"] == f"{total} of {total} |"
