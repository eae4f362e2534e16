"""Which sink gets which alerts, and when; how the settings say so; what is refused for good."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.config import load_settings
from dutiful.core.alerting.routing import Policy, Route, read_routes
from dutiful.core.alerting.rule import Condition, Limit, Rule, read_limits
from dutiful.core.alerting.sample import QueueSample, Sample
from dutiful.core.alerting.sending import claimed, due, failed, failing
from dutiful.core.delivery import AFTER_MAX, TRIES_MAX
from dutiful.core.errors import BadConfiguration, BadOption, NotSent
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.notification import Severity

from .samples import START, Watch


def check(sample: Sample) -> Iterator[Condition]:
    for one in sample.queues:
        yield Condition(subject=one.name, value=1, title=f"{one.name} is bad")


def rule(name: str = "bad", severity: Severity = "warning") -> Rule:
    return Rule(name=name, check=check, limit=Limit(severity=severity))


def having(at: int, *names: str) -> Sample:
    return Sample(at=at, queues=tuple(QueueSample(name=name) for name in names))


def test_a_sink_gets_the_rules_of_its_route() -> None:
    routes = {"disks": Route(rules=("disk-*", "store")), "night": Route(severity="critical")}
    watch = Watch(
        [rule("disk-full"), rule("mail", "critical"), rule("disk-slow", "critical")],
        Policy(sinks=("all", "disks", "night"), routes=routes),
    )
    watch.turn(having(START, "a"))
    got = {(one.sink, one.notification.rule) for one in watch.deliveries}
    assert {name for sink, name in got if sink == "disks"} == {"disk-full", "disk-slow"}
    assert {name for sink, name in got if sink == "night"} == {"mail", "disk-slow"}
    assert {name for sink, name in got if sink == "all"} == {"disk-full", "mail", "disk-slow"}


def test_each_sink_escalates_after_its_own_time_and_once() -> None:
    routes = {
        "team": Route(escalation=True, after=10 * MINUTE),
        "boss": Route(escalation=True),
        "night": Route(escalation=True, after=MINUTE, severity="critical"),
    }
    policy = Policy(sinks=("chat", *routes), routes=routes, escalate_after=HOUR)
    watch = Watch([rule()], policy)
    watch.run(3 * HOUR, lambda at: having(at, "a"))
    sent = [(one.sink, one.notification.kind, one.at) for one in watch.deliveries]
    began = sent[0][2]
    assert sent == [
        ("chat", "firing", began),
        ("team", "escalated", began + 10 * MINUTE),
        ("boss", "escalated", began + HOUR),
    ]
    watch.run(MINUTE, lambda at: having(at))
    assert sorted(one.sink for one in watch.deliveries[3:]) == ["boss", "chat", "team"]


def test_one_that_clears_does_not_escalate() -> None:
    routes = {"boss": Route(escalation=True, after=10 * SECOND)}
    watch = Watch([rule()], Policy(sinks=("chat", "boss"), routes=routes, clear_after=HOUR))
    watch.turn(having(START, "a"))
    watch.run(30 * MINUTE, lambda at: having(at))
    assert watch.sent == [("firing", "bad")]


def test_routes_are_read_from_the_file_and_from_one_line() -> None:
    table = {
        "night": {"severity": "critical", "escalation": "30m"},
        "chat": {"rules": ["queue-*", "dead-letters"]},
        "boss": {"escalation": True},
    }
    text = (
        "night.severity=critical night.escalation=30m\n"
        "chat.rules=queue-*,dead-letters boss.escalation=true"
    )
    wanted = {
        "night": Route(severity="critical", escalation=True, after=30 * MINUTE),
        "chat": Route(rules=("queue-*", "dead-letters")),
        "boss": Route(escalation=True),
    }
    assert read_routes(table) == read_routes(text) == read_routes(wanted) == wanted
    assert load_settings(environ={"DUTIFUL_ALERTS_ROUTES": text}).alerts_routes == wanted
    assert load_settings(environ={}, alerts_routes=table).alerts_routes == wanted


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("night", "night.; write SINK.OPTION=VALUE"),
        ("night.severity", "write SINK.OPTION=VALUE"),
        ("night.severity=loud", "night.severity=.loud.; there are severity"),
        ("night.colour=red", "night.colour=.red.; there are severity"),
        ("night.escalation=1ms", "use true, or a span from 1s"),
        ("night.escalation=soon", "soon"),
        ("night.rules=a,,b", "night.rules=.*patterns"),
        ("night.rules=a night.rules=b", "given twice"),
        ("log.rules=a", "the sink 'log' gets every alert"),
        ("Night.rules=a", "names no sink"),
        ({"night": "critical"}, "write a table"),
        ({"night": {"rules": []}}, "night.rules"),
        ({"night": {"rules": [1]}}, "night.rules"),
        (["night"], "write a table"),
        ("night=slack://hunter2", "write SINK.OPTION"),
        ({"night": "slack://hunter2"}, "write a table"),
        ({"night": {"rules": ["slack://hunter2"]}}, "night.rules"),
    ],
)
def test_wrong_routes_are_refused_unseen(given: Any, why: str) -> None:
    with pytest.raises(BadOption, match=why):
        read_routes(given)
    with pytest.raises(BadConfiguration) as caught:
        load_settings(environ={}, alerts_routes=given)
    assert "hunter2" not in str(caught.value)


def test_the_spans_of_all_alerts_are_settings() -> None:
    table = {"escalate-after": "1h", "cooldown": "1m", "clear_after": 10, "queue-age": "off"}
    limits = read_limits(table)
    assert limits.spans == {
        "escalate_after": HOUR,
        "cooldown": MINUTE,
        "clear_after": 10 * SECOND,
    }
    assert limits.named() == {"queue-age"}
    assert limits.plus(read_limits({"cooldown": "5s"})).spans["cooldown"] == 5 * SECOND


def test_a_permanent_failure_is_given_up_and_is_an_alert() -> None:
    one = Watch([rule()], Policy(sinks=("chat",)))
    one.turn(having(START, "a"))
    refused = NotSent("answered 404", permanent=True)
    gone = failed(claimed(one.deliveries[0], START), refused, START, Random(1))
    assert gone.given_up
    [sample] = failing([gone], START)
    assert (sample.failures, sample.error) == (TRIES_MAX, "answered 404")
    watch = Watch(policy=Policy(sinks=("chat", "mail")))
    watch.turn(Sample(at=START, sinks=(sample,)))
    assert [(each.sink, each.notification.rule) for each in watch.deliveries] == [
        ("mail", "sink-failing")
    ]


def test_a_clock_that_is_set_back_holds_up_nothing_for_an_hour() -> None:
    one = Watch([rule()], Policy(sinks=("chat",)))
    one.turn(having(START, "a"))
    [made] = one.deliveries
    before = START - HOUR
    assert due([made], {"chat"}, before) == (made,)
    taken = claimed(made, START)
    assert due([replace(taken, due_at=before)], {"chat"}, before) != ()
    assert due([replace(taken, due_at=before)], {"chat"}, START + SECOND) == ()
    held = Watch([Rule(name="bad", check=check, limit=Limit(hold=MINUTE))])
    held.turn(having(START, "a"))
    held.now = before
    held.run(2 * MINUTE, lambda at: having(at, "a"))
    assert held.fired == ["bad"]


def test_the_receivers_wish_delays_the_next_try() -> None:
    one = Watch([rule()], Policy(sinks=("chat",)))
    one.turn(having(START, "a"))
    busy = NotSent("answered 429", after=10 * HOUR)
    later = failed(claimed(one.deliveries[0], START), busy, START, Random(1))
    assert later.due_at == START + AFTER_MAX
