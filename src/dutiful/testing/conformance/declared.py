"""Declaring what is there, and having what is declared."""

from __future__ import annotations

from typing import Any

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.declared import ROLES, faults
from dutiful.contract.engine import LeaseOwner
from dutiful.contract.facade import Store
from dutiful.core.errors import Unsupported
from dutiful.core.instant import SECOND
from dutiful.core.unique import unique
from dutiful.testing.conformance.moves import new, take
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract

OPTIONS: list[Any] = [
    pytest.param(Capability.UNIQUE, {"unique": unique("k")}, id="unique"),
    pytest.param(Capability.PRIORITY, {"priority": 1}, id="priority"),
    pytest.param(Capability.DELAY, {"delay": SECOND}, id="delay"),
    pytest.param(Capability.DELAY, {"run_at": 0}, id="run_at"),
    pytest.param(Capability.EXPIRY, {"expires_in": SECOND}, id="expiry"),
]


class DeclaredContract(Contract):
    """Holds the facts of `Engine` to its roles."""

    async def test_every_declared_capability_has_its_role(self, engine: Roles) -> None:
        assert faults(engine.engine) == ()

    @pytest.mark.parametrize("role", sorted(set(ROLES.values())))
    async def test_a_role_is_not_there_undeclared(self, engine: Roles, role: str) -> None:
        needed_by = {capability for capability, needs in ROLES.items() if needs == role}
        assert getattr(engine.engine, role) is None or needed_by & engine.capabilities

    async def test_leases_are_not_renewed_where_the_server_keeps_them(self, engine: Roles) -> None:
        assert engine.lease_owner is not LeaseOwner.SERVER or engine.engine.leases is None

    async def test_workers_with_leases_are_known_to_the_store(self, engine: Roles) -> None:
        by_worker = engine.lease_owner is LeaseOwner.WORKER
        assert not by_worker or Capability.FLEET in engine.capabilities

    async def test_every_bound_is_more_than_nothing(self, engine: Roles) -> None:
        bounds = engine.bounds
        for name in bounds.__struct_fields__:
            value = getattr(bounds, name)
            assert value is None or value > 0

    @pytest.mark.parametrize(("capability", "options"), OPTIONS)
    async def test_an_option_is_refused_unless_it_is_declared(
        self, engine: Roles, capability: Capability, options: dict[str, Any]
    ) -> None:
        store, job = Store(engine.engine), new(queue="other", **options)
        if capability in engine.capabilities:
            assert (await store.enqueue([job]))[0].created
            return
        with pytest.raises(Unsupported):
            await store.enqueue([job])
        assert await take(engine, queues=["other"]) == ()

    async def test_joining_a_callers_transaction_is_refused_unless_declared(
        self, engine: Roles
    ) -> None:
        if Capability.CALLER_TRANSACTION not in engine.capabilities:
            with pytest.raises(Unsupported):
                Store(engine.engine).enqueue_on(object(), [new()])
