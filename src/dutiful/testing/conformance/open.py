"""Opening, closing and looking after a store."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.testing.conformance.moves import add, hand, join, look, one
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Connect, Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


class OpenContract(Contract):
    """Holds what every engine does."""

    async def test_an_engine_has_a_name_and_declares_capabilities(self, engine: Roles) -> None:
        assert engine.name
        assert engine.capabilities <= frozenset(Capability)

    async def test_opening_an_open_engine_again_is_harmless(self, engine: Roles) -> None:
        job_id = await add(engine)
        await engine.open()
        assert (await one(engine)).job.id == job_id

    async def test_a_second_instance_opens_the_same_store(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        first, second = engines
        job_id = await add(first)
        assert (await one(second, worker="w2")).job.id == job_id

    async def test_many_instances_may_open_a_new_store_at_once(
        self, connect: Connect, clock: SuiteClock
    ) -> None:
        instances = [Roles(connect(clock)) for _ in range(6)]
        await asyncio.gather(*(instance.open() for instance in instances))
        job_id = await add(instances[0])
        await join(instances[5], hand("w5"))
        assert (await one(instances[5], worker="w5")).job.id == job_id
        await asyncio.gather(*(instance.close() for instance in instances))

    async def test_closing_twice_is_harmless(self, connect: Connect, clock: SuiteClock) -> None:
        engine = Roles(connect(clock))
        await engine.open()
        await engine.close()
        await engine.close()

    async def test_closing_one_instance_leaves_the_other_at_work(
        self, engine: Roles, connect: Connect, clock: SuiteClock
    ) -> None:
        second = Roles(connect(clock))
        await second.open()
        await second.close()
        job_id = await add(engine)
        assert (await one(engine)).job.id == job_id

    @requires(Capability.INSPECT)
    async def test_jobs_outlive_the_instance_that_took_them_in(
        self, engine: Roles, connect: Connect, clock: SuiteClock
    ) -> None:
        second = Roles(connect(clock))
        await second.open()
        job_id = await add(second)
        await second.close()
        assert (await look(engine, job_id)).id == job_id

    async def test_a_closed_instance_can_be_opened_again(
        self, connect: Connect, clock: SuiteClock, engine: Roles
    ) -> None:
        second = Roles(connect(clock))
        await second.open()
        await second.close()
        await second.open()
        job_id = await add(second)
        assert (await one(engine)).job.id == job_id
        await second.close()

    async def test_a_store_in_good_health_passes_every_check(self, engine: Roles) -> None:
        findings = await engine.check()
        assert findings
        assert [finding for finding in findings if not finding.ok] == []
        assert all(finding.name and finding.text for finding in findings)

    @requires(Capability.INSPECT)
    async def test_a_check_changes_nothing(self, engine: Roles) -> None:
        job_id = await add(engine)
        before = await look(engine, job_id)
        await engine.check()
        assert await look(engine, job_id) == before

    @requires(Capability.MIGRATE)
    async def test_an_open_store_lacks_no_migration(self, engine: Roles) -> None:
        assert await engine.schema.migrate(dry_run=True) == ()
        assert await engine.schema.migrate() == ()

    @requires(Capability.MIGRATE)
    async def test_a_dry_run_names_what_is_missing_and_applies_nothing(
        self, connect: Connect, clock: SuiteClock
    ) -> None:
        engine = Roles(connect(clock))
        missing = await engine.schema.migrate(dry_run=True)
        assert missing
        assert await engine.schema.migrate(dry_run=True) == missing
        assert await engine.schema.migrate() == missing
        assert await engine.schema.migrate() == ()
        await engine.close()
