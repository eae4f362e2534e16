"""Looking at jobs."""

from __future__ import annotations

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.page import Filter
from dutiful.core.instant import HOUR
from dutiful.core.outcome import Discarded, Failed, Outcome, Snoozed, Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import add, end, everything, new, one, put, take
from dutiful.testing.conformance.requires import needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.INSPECT)
class InspectContract(Contract):
    """Holds the role `Inspector`."""

    async def test_jobs_are_found_in_the_order_asked_for(self, engine: Roles) -> None:
        ids = [await add(engine) for _ in range(3)]
        asked = [ids[2], ids[0], ids[1]]
        assert [job.id for job in await engine.inspector.get(asked)] == asked

    async def test_ids_that_nobody_has_are_left_out(self, engine: Roles) -> None:
        job_id = await add(engine)
        assert [job.id for job in await engine.inspector.get(["nobody-has-this", job_id])] == [
            job_id
        ]
        assert await engine.inspector.get([]) == ()

    async def test_an_id_may_be_a_prefix_of_eight_characters(self, engine: Roles) -> None:
        await put(engine, [new(id="0123456789abcdef"), new(id="fedcba9876543210")])
        assert [job.id for job in await engine.inspector.get(["01234567"])] == ["0123456789abcdef"]

    async def test_a_shorter_prefix_finds_nothing(self, engine: Roles) -> None:
        await engine.producer.enqueue([new(id="0123456789abcdef")])
        assert await engine.inspector.get(["0123456"]) == ()

    async def test_a_prefix_that_two_jobs_share_finds_nothing(self, engine: Roles) -> None:
        await put(engine, [new(id="01234567-a"), new(id="01234567-b")])
        assert await engine.inspector.get(["01234567"]) == ()

    @pytest.mark.parametrize("prefix", ["________", "%%%%%%%%", "01234567%", "0123456_"])
    async def test_a_prefix_is_no_pattern(self, engine: Roles, prefix: str) -> None:
        await engine.producer.enqueue([new(id="0123456789abcdef")])
        assert await engine.inspector.get([prefix]) == ()

    @needs_advance("3s")
    async def test_listing_is_newest_first(self, engine: Roles, clock: SuiteClock) -> None:
        ids: list[str] = []
        for _ in range(3):
            ids += [await add(engine), await add(engine)]
            clock.advance("1s")
        assert [job.id for job in await everything(engine)] == ids[::-1]

    async def test_pages_show_every_job_once(self, engine: Roles) -> None:
        jobs = [new() for _ in range(10)]
        await engine.producer.enqueue(jobs)
        seen: list[str] = []
        cursor: str | None = None
        for size in (4, 4, 2):
            page = await engine.inspector.find(Filter(), 4, cursor)
            assert len(page.jobs) == size
            seen += [job.id for job in page.jobs]
            cursor = page.cursor
        assert cursor is None
        assert seen == [job.id for job in jobs][::-1]

    async def test_pages_show_every_job_once_whatever_the_ids(self, engine: Roles) -> None:
        ids = ["Order-7", "~", "order-10", "order-9", "ÿ", "\U0010fffe", "0"]
        await put(engine, [new(id=job_id) for job_id in ids])
        seen, cursor = list[str](), None
        for _ in range(4):
            page = await engine.inspector.find(Filter(states=(State.QUEUED, State.DEAD)), 2, cursor)
            seen += [job.id for job in page.jobs]
            cursor = page.cursor
        assert cursor is None
        assert sorted(seen) == sorted(ids)

    async def test_a_full_last_page_has_no_cursor(self, engine: Roles) -> None:
        await put(engine, [new() for _ in range(4)])
        assert (await engine.inspector.find(Filter(), 4)).cursor is None

    async def test_jobs_enqueued_meanwhile_do_not_disturb_the_pages(self, engine: Roles) -> None:
        jobs = [new() for _ in range(4)]
        await engine.producer.enqueue(jobs)
        first = await engine.inspector.find(Filter(), 2)
        await add(engine)
        second = await engine.inspector.find(Filter(), 2, first.cursor)
        assert [job.id for job in (*first.jobs, *second.jobs)] == [job.id for job in jobs][::-1]

    @requires(Capability.CANCEL, Capability.PURGE)
    async def test_jobs_deleted_meanwhile_do_not_disturb_the_pages(self, engine: Roles) -> None:
        jobs = [new() for _ in range(8)]
        await engine.producer.enqueue(jobs)
        ids = [job.id for job in jobs][::-1]
        first = await engine.inspector.find(Filter(), 3)
        gone = [ids[0], ids[2], ids[4], ids[7]]
        await engine.controller.cancel(gone)
        assert set(await engine.controller.purge(gone)) == set(gone)
        second = await engine.inspector.find(Filter(), 9, first.cursor)
        assert [job.id for job in (*first.jobs, *second.jobs)] == [*ids[:4], *ids[5:7]]

    async def test_pages_of_a_filter_show_only_its_jobs(self, engine: Roles) -> None:
        await put(engine, [new(task="ab"[n % 2]) for n in range(10)])
        which = Filter(tasks=("a",))
        first = await engine.inspector.find(which, 3)
        second = await engine.inspector.find(which, 3, first.cursor)
        assert [job.task for job in (*first.jobs, *second.jobs)] == ["a"] * 5
        assert second.cursor is None

    async def test_an_empty_store_has_one_empty_page(self, engine: Roles) -> None:
        page = await engine.inspector.find(Filter(), 10)
        assert (page.jobs, page.cursor) == ((), None)

    @pytest.mark.parametrize(
        ("which", "found"),
        [
            (Filter(states=(State.QUEUED,)), "queued tagged"),
            (Filter(states=(State.DEAD, State.SUCCEEDED)), "dead done"),
            (Filter(queues=("mail",)), "tagged"),
            (Filter(queues=("mail", "default"), states=(State.RUNNING,)), "running"),
            (Filter(tasks=("dead", "done")), "dead done"),
            (Filter(tag="vip"), "tagged"),
            (Filter(tag="vi"), ""),
            (Filter(tag="v_p"), ""),
            (Filter(reason="discarded"), "dead"),
            (Filter(error_type="Discard"), "dead"),
            (Filter(error_type="KeyError"), ""),
            (Filter(worker="w1"), "running"),
            (Filter(worker="w2"), ""),
            (Filter(reason="discarded", queues=("mail",)), ""),
        ],
    )
    async def test_a_filter_finds_what_fits_all_its_parts(
        self, engine: Roles, which: Filter, found: str
    ) -> None:
        await one_of_each(engine)
        assert (
            sorted(job.task for job in (await engine.inspector.find(which, 100)).jobs)
            == found.split()
        )

    @needs_advance("10s")
    async def test_the_error_type_is_that_of_the_latest_failure(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        await end(engine, await one(engine), Failed("KeyError", "x"))
        clock.advance("10s")
        await end(engine, await one(engine), Failed("OSError", "x"))
        assert (await engine.inspector.find(Filter(error_type="KeyError"), 10)).jobs == ()
        assert len((await engine.inspector.find(Filter(error_type="OSError"), 10)).jobs) == 1

    @needs_step
    async def test_times_filter_from_and_until(self, engine: Roles, clock: SuiteClock) -> None:
        ids: list[str] = []
        for _ in range(3):
            ids.append(await add(engine))
            clock.advance("1h")
        start = clock.now() - 3 * HOUR
        which = Filter(enqueued_after=start + HOUR, enqueued_before=start + 2 * HOUR)
        assert [job.id for job in (await engine.inspector.find(which, 10)).jobs] == [ids[1]]

    @needs_step
    async def test_ends_filter_from_and_until(self, engine: Roles, clock: SuiteClock) -> None:
        start = clock.now()
        ids: list[str] = []
        for _ in range(3):
            clock.advance("1h")
            ids.append(await add(engine))
            await end(engine, await one(engine), Discarded("x"))
        await add(engine)  # has not ended, so it is never found
        which = Filter(finished_after=start + 2 * HOUR, finished_before=start + 3 * HOUR)
        assert [job.id for job in (await engine.inspector.find(which, 10)).jobs] == [ids[1]]
        late = Filter(states=(State.DEAD,), finished_after=start + 2 * HOUR)
        assert [job.id for job in (await engine.inspector.find(late, 10)).jobs] == [ids[2], ids[1]]
        assert (await engine.inspector.find(Filter(finished_before=start), 10)).jobs == ()

    @needs_advance("10s")
    async def test_errors_are_listed_oldest_first(self, engine: Roles, clock: SuiteClock) -> None:
        job_id = await add(engine)
        for name in ("a", "b"):
            await end(engine, await one(engine), Failed("E", name))
            clock.advance("10s")
        errors = await engine.inspector.errors(job_id)
        assert [(error.message, error.job_id) for error in errors] == [("a", job_id), ("b", job_id)]

    async def test_a_job_nobody_knows_has_no_errors(self, engine: Roles) -> None:
        assert await engine.inspector.errors("nobody") == ()


async def one_of_each(engine: Roles) -> None:
    """Make a job of each state but one."""
    ends: dict[str, Outcome] = {
        "done": Succeeded(),
        "dead": Discarded("x"),
        "snoozed": Snoozed(HOUR),
    }
    for task, outcome in ends.items():
        await add(engine, task=task)
        await end(engine, await one(engine), outcome)
    await add(engine, task="running")
    await take(engine)
    await add(engine, task="queued")
    await add(engine, task="tagged", queue="mail", tags=("vip", "eu"))
