"""An engine that lacks what it declares is found before it is used."""

from typing import Any

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.declared import ROLES, faults
from dutiful.contract.engine import LeaseOwner
from dutiful.engines.memory import MemoryEngine
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.sqlite import SqliteEngine


def test_our_own_engines_have_what_they_declare() -> None:
    for engine in (MemoryEngine(), SqliteEngine("jobs.db"), PostgresEngine("postgresql://h/d")):
        assert faults(engine) == ()


def spoiled(**fields: Any) -> tuple[str, ...]:
    engine = MemoryEngine()
    vars(engine).update(fields)
    return faults(engine)


@pytest.mark.parametrize("capability", sorted(MemoryEngine.capabilities & set(ROLES)))
def test_each_capability_needs_its_role(capability: Capability) -> None:
    role = ROLES[capability]
    found = spoiled(**{role: None})
    assert f"MemoryEngine declares {capability.name} and has no {role}" in found


@pytest.mark.parametrize("role", ["producer", "consumer"])
def test_two_roles_are_demanded_of_every_engine(role: str) -> None:
    found = spoiled(**{role: None}, capabilities=frozenset())
    assert found == (f"MemoryEngine has no {role}, which every engine must have",)


def test_leases_are_demanded_unless_the_server_keeps_them() -> None:
    assert len(spoiled(leases=None)) == 1
    assert spoiled(leases=None, lease_owner=LeaseOwner.SERVER) == ()


def test_leases_of_workers_need_a_fleet() -> None:
    declared = MemoryEngine.capabilities - {Capability.FLEET}
    (found,) = spoiled(capabilities=declared)
    assert found.endswith("gives leases to workers and does not declare FLEET (lease_owner)")
    assert spoiled(capabilities=declared, lease_owner=LeaseOwner.JOB) == ()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": None}, "does not declare name"),
        ({"poll": "1s"}, "does not declare poll"),
        ({"capabilities": {Capability.ORDER}}, "does not declare capabilities"),
        ({"capabilities": frozenset({"ordr"})}, "'ordr', which is not a Capability"),
        ({"bounds": {}}, "does not declare bounds"),
    ],
)
def test_facts_of_another_type_are_found(fields: dict[str, Any], text: str) -> None:
    (found,) = spoiled(**fields)
    assert text in found


def test_a_class_that_declares_nothing_is_found() -> None:
    class Empty(MemoryEngine): ...

    engine = Empty()
    for fact in ("name", "poll", "capabilities"):
        vars(engine)[fact] = None
    assert [text.split(",")[0] for text in faults(engine)] == [
        f"Empty does not declare {fact}" for fact in ("name", "poll", "capabilities")
    ]
