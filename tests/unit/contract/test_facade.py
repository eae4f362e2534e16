"""The store as the package sees it: checked before any I/O, told about afterwards."""

from typing import Any, get_type_hints

import pytest

from dutiful import App
from dutiful.contract.capability import Capability
from dutiful.contract.engine import Engine
from dutiful.contract.facade import Store
from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.controller import Redrive
from dutiful.core.errors import Unsupported
from dutiful.core.event import (
    Claimed,
    ClaimsRefused,
    Enqueued,
    Event,
    JobDied,
    Settled,
    SettlementsUnknown,
)
from dutiful.core.outcome import Discarded, Succeeded
from dutiful.core.unique import unique
from dutiful.engines.memory import MemoryEngine
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import ending, hand, new, rescue
from dutiful.testing.conformance.roles import Roles
from tests.flat import Flat

Seen = list[Event]


class Bare(Flat):
    """Declares nothing, and fails when it is used all the same."""

    name = "bare"
    poll = 1.0
    capabilities = frozenset[Capability]()

    def enqueue_sync(self, jobs: Any) -> Any:
        raise AssertionError("this is I/O")


@pytest.fixture
def seen() -> Seen:
    return []


@pytest.fixture
async def store(seen: Seen) -> Store:
    engine = MemoryEngine(FakeClock())
    await engine.fleet.join(hand("w1"))
    return Store(engine, seen.append)


DECLARED = {"name", "poll", "capabilities", "bounds", "lease_owner", "attempt_counter"}
ALL = Wanted(("default",), 10)


def test_memory_plays_every_role_but_those_of_a_server() -> None:
    engine = MemoryEngine()
    roles = {name for name in get_type_hints(Engine) if name not in DECLARED}
    missing = {name for name in roles if getattr(engine, name) is None}
    assert missing == {"caller_producer", "schema", "health"}


def test_a_store_tells_what_its_engine_can_do(store: Store) -> None:
    assert store.name == "memory"
    assert store.can(Capability.UNIQUE)
    assert not store.can(Capability.MIGRATE)
    store.require(Capability.UNIQUE)


def test_every_role_that_is_declared_is_given(store: Store) -> None:
    for name in ("inspector", "retention", "transactional", "fleet", "consumer", "schedules"):
        assert getattr(store, name) is getattr(store.engine, name)


@pytest.mark.parametrize(
    ("role", "capability"),
    [
        ("inspector", Capability.INSPECT),
        ("retention", Capability.PRUNE),
        ("transactional", Capability.TRANSACTION),
    ],
)
def test_a_role_that_is_not_declared_is_refused(role: str, capability: Capability) -> None:
    with pytest.raises(Unsupported) as caught:
        getattr(Store(Bare()), role)
    assert (caught.value.engine, caught.value.capability) == ("bare", capability.value)


def test_an_engine_without_schedules_says_what_to_do_instead() -> None:
    advice = "the bare engine cannot keep schedules; use another engine, or enqueue from outside"
    app, store = App("memory://"), Store(Bare())
    app.schedules.declaration().check(store)

    @app.every("1s")
    @app.task
    def tick() -> None: ...

    with pytest.raises(Unsupported, match=advice):
        app.schedules.declaration().check(store)
    with pytest.raises(Unsupported, match=advice):
        _ = store.schedules


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"unique": unique("k")}, "enqueue it without unique="),
        ({"priority": 1}, "use a queue of its own for urgent jobs"),
        ({"delay": 1}, "enqueue it when it is due"),
        ({"run_at": 0}, "enqueue it when it is due"),
        ({"expires_in": 1}, "check the age in the task"),
    ],
)
async def test_what_an_engine_cannot_keep_is_refused_before_any_io(
    fields: dict[str, Any], advice: str
) -> None:
    store = Store(Bare())
    jobs = [new(), new(**fields)]
    for refused in (store.enqueue_sync, lambda jobs: store.enqueue_on(object(), jobs)):
        with pytest.raises(Unsupported, match=advice):
            refused(jobs)
    with pytest.raises(Unsupported, match=advice):
        await store.enqueue(jobs)


def test_enqueueing_without_a_loop_or_on_a_connection_must_be_declared() -> None:
    with pytest.raises(Unsupported, match="without an event loop"):
        Store(Bare()).enqueue_sync([new()])
    with pytest.raises(Unsupported, match="inside the caller's transaction"):
        Store(Bare()).enqueue_on(object(), [new()])


async def test_a_declared_wish_is_passed_on(store: Store) -> None:
    wishes = {"unique": unique("k"), "priority": 1, "delay": 1, "expires_in": 1}
    (receipt,) = await store.enqueue([new(**wishes)])
    assert receipt.created


async def test_an_enqueue_is_told(store: Store, seen: Seen) -> None:
    await store.enqueue([new(unique=unique("k")), new(unique=unique("k")), new()])
    store.enqueue_sync([new()])
    assert seen == [Enqueued(2, 1), Enqueued(1, 0)]


async def test_a_join_of_the_callers_transaction_is_passed_on() -> None:
    class Joining(Flat):
        capabilities = frozenset(Capability)

        def enqueue_on(self, connection: Any, jobs: Any) -> Any:
            return (connection, jobs)

    jobs = [new()]
    assert Store(Joining()).enqueue_on("connection", jobs) == ("connection", jobs)


async def test_an_exchange_tells_what_the_store_accepted(store: Store, seen: Seen) -> None:
    await store.enqueue([new(), new()])
    claims = (await store.exchange("w1", [], ALL)).claims
    assert seen[1:] == [Claimed("w1", 2)]
    seen.clear()
    done, dead = ending(claims[0], Succeeded()), ending(claims[1], Discarded("no use"))
    await store.exchange("w1", [done, dead], None)
    assert seen == [
        Settled("w1", (done, dead)),
        JobDied(claims[1].job, "discarded", dead.error),
    ]


async def test_a_refused_settlement_is_told_apart(store: Store, seen: Seen) -> None:
    await store.enqueue([new(), new()])
    stale, good = (await store.exchange("w1", [], ALL)).claims
    await rescue(Roles(store.engine), stale)
    seen.clear()
    done = ending(good, Succeeded())
    await store.exchange("w1", [ending(stale, Discarded("late")), done], None)
    assert seen == [ClaimsRefused("w1", (stale.job.id,)), Settled("w1", (done,))]


async def test_an_end_that_was_answered_too_late_is_told_as_unknown(
    store: Store, seen: Seen
) -> None:
    await store.enqueue([new(), new()])
    late, good = (await store.exchange("w1", [], ALL)).claims
    seen.clear()
    ends = [ending(late, Discarded("no use")), ending(good, Succeeded())]
    await store.exchange("w1", ends, None, lambda claim: claim is good)
    assert seen == [SettlementsUnknown("w1", (late.job.id,)), Settled("w1", (ends[1],))]


async def test_nothing_is_told_of_nothing(store: Store, seen: Seen) -> None:
    await store.exchange("w1", [], ALL)
    assert seen == []


async def test_the_end_of_a_tasks_own_transaction_is_told(store: Store, seen: Seen) -> None:
    await store.enqueue([new()])
    (claim,) = (await store.exchange("w1", [], ALL)).claims
    seen.clear()
    done = ending(claim, Succeeded())
    store.reported("w1", done, True)
    store.reported("w1", done, False)
    assert seen == [Settled("w1", (done,)), ClaimsRefused("w1", (claim.job.id,))]


async def test_a_store_without_a_listener_is_silent() -> None:
    assert len(await Store(MemoryEngine()).enqueue([new()])) == 1


@pytest.mark.parametrize("capability", list(Capability))
def test_a_capability_completes_a_sentence(capability: Capability) -> None:
    error = Unsupported("x", capability.value)
    assert str(error) == f"the x engine cannot {capability.value}"


@pytest.mark.parametrize(
    ("verb", "argument", "capability"),
    [
        ("cancel", ["id"], Capability.CANCEL),
        ("run_now", ["id"], Capability.DELAY),
        ("redrive", [Redrive("id")], Capability.REDRIVE),
        ("purge", ["id"], Capability.PURGE),
        ("pause", "queue", Capability.PAUSE),
        ("resume", "queue", Capability.PAUSE),
    ],
)
async def test_each_change_by_hand_checks_its_own_capability(
    verb: str, argument: object, capability: Capability
) -> None:
    with pytest.raises(Unsupported) as caught:
        await getattr(Store(Bare()).controller(capability), verb)(argument)
    assert caught.value.capability == capability.value
