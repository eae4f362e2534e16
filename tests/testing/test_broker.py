"""The poor broker keeps its own few promises, and breaks the others on demand."""

import pytest

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.errors import (
    BadOption,
    EngineUnavailable,
    PartlyEnqueued,
    PayloadTooLarge,
    ReplyUnknown,
    UsageError,
)
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.outcome import Failed, Released, Succeeded
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.testing.broker import BrokerQueues, PoorBroker
from dutiful.testing.broker_faults import BrokerFault, BrokerFaults
from dutiful.testing.clock import FakeClock
from dutiful.testing.conformance.moves import ending, new


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def broker(clock: FakeClock) -> PoorBroker:
    return PoorBroker(BrokerQueues(clock))


async def receive(broker: PoorBroker, *settlements: Settlement, limit: int = 10) -> Exchanged:
    wanted = Wanted(("default",), limit)
    return await broker.consumer.exchange("w1", list(settlements), wanted)


async def test_what_is_above_a_bound_is_refused_and_nothing_is_stored(broker: PoorBroker) -> None:
    for wrong, error in [
        ([new()] * 11, UsageError),
        ([new(), new(args=b"x" * 70_000)], PayloadTooLarge),
        ([new(), new(delay=HOUR)], BadOption),
    ]:
        with pytest.raises(error):
            await broker.producer.enqueue(wrong)
    assert not broker.queues.messages


async def test_a_batch_fails_in_part_and_names_both_parts(broker: PoorBroker) -> None:
    broker.queues.faults.scripted[BrokerFault.ENTRY] = 2
    jobs = [new() for _ in range(5)]
    with pytest.raises(PartlyEnqueued, match="2 of 5 jobs were not stored") as caught:
        await broker.producer.enqueue(jobs)
    assert caught.value.stored == tuple(job.id for job in jobs[2:])
    assert list(caught.value.failed) == [job.id for job in jobs[:2]]
    assert {one.body.id for one in broker.queues.messages.values()} == set(caught.value.stored)


async def test_a_lost_reply_has_stored_and_a_second_call_stores_again(broker: PoorBroker) -> None:
    broker.queues.faults.scripted[BrokerFault.LOST_REPLY] = 1
    job = new()
    with pytest.raises(ReplyUnknown):
        await broker.producer.enqueue([job])
    await broker.producer.enqueue([job])
    claims = (await receive(broker)).claims
    assert [claim.job.id for claim in claims] == [job.id, job.id]


async def test_a_call_to_a_broker_that_is_away_does_nothing(broker: PoorBroker) -> None:
    await broker.producer.enqueue([new()])
    claim = (await receive(broker)).claims[0]
    for call in (
        lambda: broker.producer.enqueue([new()]),
        lambda: receive(broker, ending(claim, Succeeded())),
        lambda: broker.consumer.renew("w1", claims=[claim], lease=SECOND),
    ):
        broker.queues.faults.scripted[BrokerFault.UNAVAILABLE] = 1
        with pytest.raises(EngineUnavailable):
            await call()
    assert len(broker.queues.messages) == 1


async def test_an_end_that_was_not_written_is_named_and_can_be_sent_again(
    broker: PoorBroker,
) -> None:
    await broker.producer.enqueue([new(), new()])
    claims = (await receive(broker)).claims
    ends = [ending(claim, Succeeded()) for claim in claims]
    broker.queues.faults.scripted[BrokerFault.ENTRY] = 1
    assert (await receive(broker, *ends)).delayed == (claims[0].job.id,)
    assert (await receive(broker, ends[0])).delayed == ()
    assert sorted(broker.queues.ended) == sorted((one.job.id, State.SUCCEEDED) for one in claims)


async def test_a_lease_is_renewed_and_named_as_lost_once_it_is_over(
    broker: PoorBroker, clock: FakeClock
) -> None:
    await broker.producer.enqueue([new()])
    (claim,) = (await receive(broker)).claims
    for _ in range(3):
        clock.advance("20s")
        renewed = await broker.consumer.renew("w1", claims=[claim], lease=30 * SECOND)
        assert (renewed.valid, renewed.lost) == (True, ())
    assert (await receive(broker)).claims == ()
    clock.advance("30s")
    renewed = await broker.consumer.renew("w1", claims=[claim], lease=30 * SECOND)
    assert (renewed.valid, renewed.lost) == (True, (claim.job.id,))
    (again,) = (await receive(broker)).claims
    assert (again.job.id, again.job.attempt) == (claim.job.id, 2)


async def test_what_a_stale_attempt_ends_stays_with_its_new_owner(broker: PoorBroker) -> None:
    await broker.producer.enqueue([new()])
    (stale,) = (await receive(broker)).claims
    broker.queues.faults.scripted[BrokerFault.DUPLICATE] = 1
    (fresh,) = (await receive(broker)).claims
    assert fresh.job.id == stale.job.id
    assert (await receive(broker, ending(stale, Succeeded()))).refused == ()
    assert len(broker.queues.messages) == 1
    await receive(broker, ending(fresh, Succeeded()))
    assert not broker.queues.messages


async def test_deliveries_are_counted_though_the_attempt_was_given_back(
    broker: PoorBroker, clock: FakeClock
) -> None:
    await broker.producer.enqueue([new()])
    (first,) = (await receive(broker)).claims
    (second,) = (await receive(broker, ending(first, Released()))).claims
    assert second.job.attempt == 2
    after = ending(second, Failed("E", "no", "", after=5 * MINUTE))
    assert (await receive(broker, after)).claims == ()
    clock.advance("5m")
    (third,) = (await receive(broker)).claims
    assert third.job.attempt == 3


async def test_at_most_ten_are_given_out_and_in_no_order(broker: PoorBroker) -> None:
    jobs = [[new() for _ in range(10)] for _ in range(3)]
    for batch in jobs:
        await broker.producer.enqueue(batch)
    taken = [(await receive(broker, limit=30)).claims for _ in range(4)]
    assert [len(claims) for claims in taken] == [10, 10, 10, 0]
    ids = [claim.job.id for claims in taken for claim in claims]
    assert sorted(ids) != ids


async def test_messages_are_forgotten_when_their_retention_is_over(
    broker: PoorBroker, clock: FakeClock
) -> None:
    await broker.producer.enqueue([new()])
    clock.advance("5d")
    assert (await receive(broker)).claims == ()
    assert not broker.queues.messages


async def test_instances_share_queues_and_faults_repeat_by_their_seed(clock: FakeClock) -> None:
    runs = []
    for _ in range(2):
        queues = BrokerQueues(
            clock, BrokerFaults({BrokerFault.ENTRY: 0.5, BrokerFault.EMPTY: 0.5}, seed=3)
        )
        failed = []
        for _ in range(20):
            job = new()
            try:
                await PoorBroker(queues).producer.enqueue([job])
            except PartlyEnqueued:
                failed.append(True)
            else:
                failed.append(False)
        runs.append((failed, [len((await receive(PoorBroker(queues))).claims) for _ in range(3)]))
    assert runs[0] == runs[1]
    assert set(runs[0][0]) == {True, False}
