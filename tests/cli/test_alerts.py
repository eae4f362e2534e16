"""``dutiful alerts test`` says for each sink whether the test arrived."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dutiful.observe.sinks.webhook import new_secret, verify
from tests.cli.conftest import Run
from tests.observe.receiver import Receiver, status

SECRET = new_secret()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    one = Receiver()
    sinks = f"one=webhook+{one.url}/hunter2 two=webhook+{one.url}/hunter2"
    monkeypatch.setenv("DUTIFUL_ALERTS_TO", sinks)
    monkeypatch.setenv("DUTIFUL_ALERTS_SECRET", SECRET)
    yield one
    one.close()


def test_all_sinks(run: Run, receiver: Receiver) -> None:
    said = run("alerts", "test")
    assert (said.code, said.out.split("\n")[:3]) == (0, ["one: sent", "two: sent", "log: sent"])
    assert [verify(got.body, got.headers, SECRET).kind for got in receiver.got] == ["test"] * 2


def test_one_that_fails(run: Run, receiver: Receiver) -> None:
    receiver.answers.append(status(403))
    said = run("alerts", "test", "one", "--json")
    assert said.code == 1
    assert said.json == [{"sink": "one", "sent": False, "error": "answered 403"}]
    assert said.error["message"] == "the test did not arrive at one"
    assert "hunter2" not in said.out + said.err


def test_an_unknown_sink(run: Run, receiver: Receiver) -> None:
    said = run("alerts", "test", "three")
    assert said.code == 2
    assert "no sink is called 'three'; there are one, two, log" in said.err
    assert receiver.got == []


def test_no_sink_at_all(run: Run) -> None:
    said = run("alerts", "test")
    assert said.code == 0
    assert "name others in alerts_to" in said.out


def test_wrong_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUTIFUL_ALERTS_TO", "hook=webhook+https://ops.example/hunter2")
    said = run("alerts", "test")
    assert said.code == 2
    assert "has no secret to sign with" in said.err
    assert "hunter2" not in said.err
