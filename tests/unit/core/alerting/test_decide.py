"""Decisions: one open alert for each key, each change sent once, silences, flapping, escalation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dutiful.core.alerting.decide import KEPT
from dutiful.core.alerting.incident import Incident, Silence, Unreadable, read, written
from dutiful.core.alerting.judge import judge
from dutiful.core.alerting.routing import Policy, Route
from dutiful.core.alerting.rule import Condition, Limit, Limits, Rule
from dutiful.core.alerting.rules import RULE_FAILING
from dutiful.core.alerting.sample import QueueSample, Sample
from dutiful.core.alerting.sending import CLAIM, claimed, due, failed, failing, sent
from dutiful.core.delivery import TRIES_MAX
from dutiful.core.errors import NotSent
from dutiful.core.instant import HOUR, MINUTE, SECOND

from .samples import START, TURN, Watch

CHANCE = Random(1)


def check(sample: Sample) -> Iterator[Condition]:
    """Find every queue of the sample; each script says which are there."""
    for one in sample.queues:
        yield Condition(subject=one.name, value=1, title=f"{one.name} is bad")


def rule(**limit: object) -> Rule:
    return Rule(name="bad", check=check, limit=Limit(**limit))  # type: ignore[arg-type]  # a table


def having(at: int, *names: str) -> Sample:
    return Sample(at=at, queues=tuple(QueueSample(name=name) for name in names))


def test_several_of_one_turn_are_one_message() -> None:
    watch = Watch([rule()], Policy(sinks=("chat", "mail")))
    watch.turn(having(START, "a", "b", "c"))
    assert [one.sink for one in watch.deliveries] == ["chat", "mail"]
    first = watch.deliveries[0]
    assert len(first.keys) == 3
    assert first.notification.title.startswith("3 alerts of bad")
    assert "b is bad" in first.notification.text
    assert first.id == first.notification.id != watch.deliveries[1].id


def test_critical_alerts_go_to_the_sinks_for_them() -> None:
    policy = Policy(sinks=("chat", "pager"), routes={"pager": Route(severity="critical")})
    watch = Watch([rule(severity="critical")], policy)
    watch.turn(having(START, "a"))
    assert [one.sink for one in watch.deliveries] == ["chat", "pager"]
    watch = Watch([rule()], policy)
    watch.turn(having(START, "a"))
    assert [one.sink for one in watch.deliveries] == ["chat"]


def test_a_silenced_alert_is_announced_when_the_silence_ends() -> None:
    watch = Watch([rule()])
    watch.silences.append(Silence(id="s", rule="b*", subject="a", until=START + HOUR))
    watch.run(59 * MINUTE, lambda at: having(at, "a", "other"))
    assert watch.fired == ["bad", "bad"]
    assert [one.keys for one in watch.deliveries] == [("bad/other",)]
    kept = watch.incidents["bad/a"]
    assert isinstance(kept, Incident)
    assert kept.silenced_by == "s"
    watch.run(2 * MINUTE, lambda at: having(at, "a", "other"))
    assert [one.keys for one in watch.deliveries] == [("bad/other",), ("bad/a",)]


def test_what_resolves_under_a_silence_is_not_sent() -> None:
    watch = Watch([rule()])
    watch.run(MINUTE, lambda at: having(at, "a"))
    watch.silences.append(Silence(id="s", until=watch.now + HOUR))
    watch.run(10 * MINUTE, lambda at: having(at))
    assert (watch.sent, watch.resolved) == ([("firing", "bad")], ["bad"])


def test_an_alert_that_flaps_is_resolved_only_when_it_is_steady() -> None:
    watch = Watch([rule()], Policy(sinks=("chat",), cooldown=0))
    watch.run(
        40 * MINUTE, lambda at: having(at, *(["a"] if (at - START) // MINUTE % 2 == 0 else []))
    )
    assert watch.sent.count(("firing", "bad")) == 3
    assert watch.sent.count(("resolved", "bad")) == 2
    watch.run(12 * MINUTE, lambda at: having(at))
    assert watch.sent.count(("resolved", "bad")) == 3


def test_an_alert_that_fires_again_cools_down() -> None:
    watch = Watch([rule()])
    watch.run(MINUTE, lambda at: having(at, "a"))
    watch.run(MINUTE, lambda at: having(at))
    watch.run(2 * MINUTE, lambda at: having(at, "a"))
    assert watch.sent == [("firing", "bad"), ("resolved", "bad")]
    watch.run(2 * MINUTE, lambda at: having(at, "a"))
    assert watch.sent[2:] == [("firing", "bad")]


def test_an_alert_that_lasts_is_escalated_once() -> None:
    watch = Watch([rule()], Policy(sinks=("chat", "boss"), routes={"boss": Route(escalation=True)}))
    watch.run(3 * HOUR, lambda at: having(at, "a"))
    assert watch.sent == [("firing", "bad"), ("escalated", "bad")]
    assert watch.deliveries[1].sink == "boss"
    watch.run(MINUTE, lambda at: having(at))
    assert sorted(one.sink for one in watch.deliveries[2:]) == ["boss", "chat"]


def test_a_pending_one_that_ends_is_dropped() -> None:
    watch = Watch([rule(hold=MINUTE)])
    watch.run(30 * SECOND, lambda at: having(at, "a"))
    assert len(watch.incidents) == 1
    watch.turn(having(watch.now + TURN))
    assert (watch.incidents, watch.fired, watch.deliveries) == ({}, [], [])


def broken(sample: Sample) -> Iterator[Condition]:
    raise ValueError("a bug")
    yield


def test_a_broken_rule_costs_itself_only() -> None:
    watch = Watch([rule(), Rule(name="broken", check=check)])
    watch.run(MINUTE, lambda at: having(at, "a"))
    watch.rules = (rule(), Rule(name="broken", check=broken))
    watch.run(10 * MINUTE, lambda at: having(at, "a"))
    assert watch.fired == ["bad", "broken", RULE_FAILING]
    assert watch.resolved == []
    assert "ValueError: a bug" in watch.deliveries[-1].notification.text
    watch.rules = (rule(), Rule(name="broken", check=check))
    watch.run(MINUTE, lambda at: having(at, "a"))
    assert watch.resolved == [RULE_FAILING]


def test_what_is_no_condition_is_an_error_of_its_rule() -> None:
    wrong: Any = lambda sample: ["no"]  # noqa: E731 - one line
    odd = Rule(name="odd", check=wrong)
    assert judge([odd], Sample(at=1), Limits()).failed == (
        ("odd", "TypeError: yield dutiful.Condition, not a str"),
    )


def test_alerts_of_rules_that_are_not_evaluated_stay_for_a_day() -> None:
    watch = Watch([rule()])
    watch.turn(having(START, "a"))
    watch.rules = ()
    watch.run(HOUR, lambda at: having(at))
    assert len(watch.incidents) == 1
    watch.turn(having(START + KEPT + SECOND))
    assert watch.incidents == {}


def test_a_row_that_cannot_be_read_is_replaced_or_dropped() -> None:
    watch = Watch([rule()])
    for name in ("a", "b"):
        watch.incidents[f"bad/{name}"] = Unreadable(key=f"bad/{name}", version=7)
    watch.incidents["stranger/c"] = Unreadable(key="stranger/c", version=1)
    changes = watch.turn(having(START, "a"))
    assert [(one.key, one.version) for one in changes.incidents] == [("bad/a", 7)]
    assert changes.dropped == (("bad/b", 7),)
    assert set(watch.incidents) == {"bad/a", "stranger/c"}


def test_a_failing_sink_is_an_alert_on_another_one() -> None:
    watch = Watch(policy=Policy(sinks=("chat", "mail")))
    one = Watch([rule()], Policy(sinks=("chat",)))
    one.turn(having(START, "a"))
    delivery, now = one.deliveries[0], START
    for _ in range(3):
        now += HOUR
        delivery = failed(claimed(delivery, now), NotSent("no"), now, CHANCE)
    watch.turn(Sample(at=now, sinks=failing([delivery], now)))
    assert watch.fired == ["sink-failing"]
    assert [each.sink for each in watch.deliveries] == ["mail"]
    assert failing([delivery, sent(replace(delivery, at=now + 1), now + 1)], now + 1) == ()


def test_a_delivery_is_tried_again_and_at_last_given_up() -> None:
    watch = Watch([rule()])
    watch.turn(having(START, "a"))
    (one,), now = watch.deliveries, START
    assert due([one], {"mail"}, now) == ()
    assert due([one], {"chat"}, now) == (one,)
    mine = claimed(one, now)
    assert due([mine], {"chat"}, now + CLAIM - 1) == ()
    assert due([mine], {"chat"}, now + CLAIM) == (mine,)
    tries = 0
    while one.open:
        now = one.due_at
        one = failed(claimed(one, now), NotSent("no"), now, CHANCE)
        tries += 1
    assert tries == TRIES_MAX
    assert due([one], {"chat"}, now + HOUR * 100) == ()


def test_the_end_is_not_sent_before_the_beginning() -> None:
    watch = Watch([rule()])
    watch.run(MINUTE, lambda at: having(at, "a"))
    watch.run(MINUTE, lambda at: having(at))
    first, last = watch.deliveries
    first = failed(claimed(first, watch.now), NotSent("no"), watch.now, CHANCE)
    assert due([last, first], {"chat"}, watch.now) == ()
    assert due([last, sent(first, watch.now)], {"chat"}, watch.now) == (last,)


Turns = st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.integers(1, 400)), max_size=60)


@given(
    turns=Turns,
    hold=st.sampled_from([0, 20, 90]),
    cooldown=st.sampled_from([0, 300]),
    silenced=st.lists(st.tuples(st.sampled_from("abc*"), st.integers(0, 6000)), max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_each_change_is_sent_once_and_silenced_ones_are_not(
    turns: list[tuple[set[str], int]],
    hold: int,
    cooldown: int,
    silenced: list[tuple[str, int]],
) -> None:
    watch = Watch([rule(hold=hold * SECOND)], Policy(sinks=("chat",), cooldown=cooldown * SECOND))
    watch.silences = [
        Silence(id=str(number), subject=subject, until=START + until * SECOND)
        for number, (subject, until) in enumerate(silenced)
    ]
    now = START
    for names, pause in turns:
        now += pause * SECOND
        before = dict(watch.incidents)
        changes = watch.turn(having(now, *names))
        keys = [one.key for one in changes.incidents]
        assert len(keys) == len(set(keys))
        for one in changes.fired:
            old = before.get(one.key)
            assert not isinstance(old, Incident) or old.state != "firing"
        for delivery in changes.deliveries:
            for key in delivery.keys:
                subject = key.partition("/")[2]
                assert not any(each.covers("bad", subject, now) for each in watch.silences)
    assert len({one.id for one in watch.deliveries}) == len(watch.deliveries)
    told = Counter[str]()
    for delivery in watch.deliveries:
        for key in delivery.keys:
            told[key] += 1 if delivery.notification.kind == "firing" else -1
            assert told[key] in (0, 1) or watch.silences
    assert watch.fired.count("bad") - len(watch.resolved) in range(4)


@given(st.binary(max_size=60) | st.just(b"null") | st.just(b'{"id": 1}'))
def test_any_stored_text_is_read_as_unreadable(body: bytes) -> None:
    text = body.decode("utf-8", "replace")
    for kind in (Incident, Silence):
        assert isinstance(read(kind, "k", 1, text), Unreadable)


def test_numbers_beyond_reason_and_foreign_keys_are_unreadable() -> None:
    one = Silence(id="s", until=2**63)
    assert isinstance(read(Silence, "s", 1, written(one)), Unreadable)
    good = Silence(id="s", until=5)
    assert read(Silence, "s", 4, written(good)) == replace(good, version=4)
    assert isinstance(read(Silence, "other", 4, written(good)), Unreadable)
