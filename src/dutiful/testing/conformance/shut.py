"""Queues that a copy has paused, and for which stores."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.testing.conformance.moves import add, take
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract

OTHER, THIRD = "o" * 32, "t" * 32
"""Ids of stores at the other end of a copy."""


@requires(Capability.EXPORT, Capability.IMPORT, Capability.INSPECT, Capability.PAUSE)
class ShutContract(Contract):
    """Holds `Transfer.shut`, ``reopen``, ``shut_queues`` and ``identity``."""

    async def test_a_shut_queue_gives_nothing_out_until_reopened(self, engine: Roles) -> None:
        await add(engine)
        await engine.exporter.shut(["default", "other"], OTHER)
        assert await take(engine) == ()
        assert await engine.exporter.shut_queues() == ("default", "other")
        assert {row.queue for row in await engine.inspector.queues() if row.paused_at} == {
            "default",
            "other",
        }
        assert await engine.exporter.reopen(["default"], OTHER) == ("default",)
        assert len(await take(engine)) == 1
        assert await engine.exporter.shut_queues() == ("other",)

    async def test_a_queue_that_a_person_paused_is_not_reopened(self, engine: Roles) -> None:
        await engine.controller.pause("default")
        await engine.exporter.shut(["default"], OTHER)
        assert await engine.exporter.shut_queues() == ()
        assert await engine.exporter.reopen(["default"], OTHER) == ()
        await add(engine)
        assert await take(engine) == ()

    async def test_a_person_may_pause_what_is_shut_and_resume_it(self, engine: Roles) -> None:
        await engine.exporter.shut(["default", "other"], OTHER)
        await engine.controller.pause("default")
        await engine.controller.resume("other")
        assert await engine.exporter.shut_queues() == ()
        assert await engine.exporter.reopen(["default", "other"], OTHER) == ()
        assert {row.queue for row in await engine.inspector.queues() if row.paused_at} == {
            "default"
        }

    async def test_a_queue_that_is_shut_for_two_stores_opens_after_both(
        self, engine: Roles
    ) -> None:
        await add(engine)
        for other in (OTHER, THIRD, OTHER):
            assert await engine.exporter.shut(["default"], other) == ()
        assert (
            await engine.exporter.shut_queues(OTHER)
            == await engine.exporter.shut_queues(THIRD)
            == ("default",)
        )
        assert await engine.exporter.reopen(["default"], OTHER) == ()
        assert await engine.exporter.shut_queues(OTHER) == ()
        assert await engine.exporter.shut_queues() == ("default",)
        assert await take(engine) == ()
        assert await engine.exporter.reopen(["default"], THIRD) == ("default",)
        assert len(await take(engine)) == 1

    async def test_a_store_opens_no_queue_that_is_shut_for_another(self, engine: Roles) -> None:
        await engine.exporter.shut(["default"], THIRD)
        await engine.exporter.shut(["mine"], OTHER)
        assert await engine.exporter.shut_queues(OTHER) == ("mine",)
        assert await engine.exporter.reopen(["default", "mine"], OTHER) == ("mine",)
        assert await engine.exporter.shut_queues() == ("default",)

    async def test_a_person_who_resumes_a_queue_takes_all_marks_away(self, engine: Roles) -> None:
        await engine.exporter.shut(["default"], THIRD)
        await engine.controller.resume("default")
        await engine.exporter.shut(["default"], OTHER)
        assert await engine.exporter.shut_queues(THIRD) == ()
        assert await engine.exporter.reopen(["default"], OTHER) == ("default",)

    async def test_each_store_has_an_id_of_its_own(self, engines: tuple[Roles, Roles]) -> None:
        first, second = [await engine.exporter.identity() for engine in engines]
        assert first == second
        assert len(first) == 32
        assert first == await engines[0].exporter.identity()
