"""Notifications by apprise reach a real receiver, and its URLs are never shown."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from dutiful.core.errors import BadConfiguration, NotSent
from dutiful.observe.sinks.apprise_sink import AppriseSink
from dutiful.observe.sinks.send import send
from tests.observe.notifications import ONE, like
from tests.observe.receiver import Receiver, never, status
from tests.until import until

SECRETS = ("hunter2", "tokensecret", "querysecret", "pw!")
pytestmark = pytest.mark.slow  # apprise takes a second to load


def sink(receiver: Receiver, more: str = "") -> AppriseSink:
    host = receiver.url.removeprefix("http://")
    return AppriseSink("ops", f"json://me:hunter2@{host}/tokensecret?-key=querysecret{more}")


async def test_it_is_delivered(receiver: Receiver) -> None:
    one = sink(receiver)
    await one.send(ONE)
    await one.send(like(kind="resolved"))
    await one.send(like(kind="firing", severity="warning"))
    fired, resolved, warned = [json.loads(got.body) for got in receiver.got]
    assert fired["title"] == f"[CRITICAL] {ONE.title}"
    assert "Commonest error: CardDeclined (41)" in fired["message"]
    assert "Since: 2026-01-01T00:00:00" in fired["message"]
    assert "More: dutiful jobs list --queue billing" in fired["message"]
    assert resolved["title"].startswith("[RESOLVED]")
    assert [fired["type"], resolved["type"], warned["type"]] == ["failure", "success", "warning"]


async def test_500_then_ok(receiver: Receiver) -> None:
    receiver.answers.append(status(500))
    one = sink(receiver)
    with pytest.raises(NotSent, match="error=500") as caught:
        await one.send(ONE)
    assert not caught.value.permanent
    await one.send(ONE)
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("code", "permanent"), [(400, True), (404, True), (410, True), (408, False), (429, False)]
)
async def test_a_refusal_is_permanent_where_its_status_says_so(
    receiver: Receiver, code: int, permanent: bool
) -> None:
    receiver.answers.append(status(code))
    with pytest.raises(NotSent, match=f"error={code}") as caught:
        await sink(receiver).send(ONE)
    assert caught.value.permanent is permanent


async def test_a_failure_without_a_status_is_tried_again(receiver: Receiver) -> None:
    one = sink(receiver)
    receiver.close()
    with pytest.raises(NotSent) as caught:
        await one.send(ONE)
    assert not caught.value.permanent


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers.append(status(307, f"Location: {receiver.url}/elsewhere"))
    with pytest.raises(NotSent):
        await sink(receiver).send(ONE)
    assert len(receiver.got) == 1


async def test_one_that_hangs_keeps_one_thread(receiver: Receiver) -> None:
    receiver.answers.append(never)
    one = sink(receiver, "&rto=2&cto=2")
    first = await send(one, ONE, 0.3)
    second = await send(one, ONE, 0.3)
    assert str(first) == "not sent within 0.3 s"
    assert str(second) == "the send before this one has not ended yet"
    # apprise's own time limit ends the first, and then the sink works again.
    await until(lambda: receiver.ended == 1, 20)
    while (failure := await send(one, ONE, 5)) is not None:
        assert "has not ended yet" in str(failure)
        await asyncio.sleep(0.01)
    assert len(receiver.got) == 2


async def test_a_send_that_is_cancelled_before_it_began_blocks_none(receiver: Receiver) -> None:
    one = sink(receiver)
    early = asyncio.create_task(one.send(ONE))
    await asyncio.sleep(0)
    early.cancel()
    await asyncio.gather(early, return_exceptions=True)
    await until(lambda: not one._sending.locked())
    await one.send(ONE)


@pytest.mark.parametrize("behave", [[], [status(500)], [status(302)], "refused"])
async def test_no_secret_reaches_log_or_error(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, behave: Any
) -> None:
    """Also with all loggers at their lowest level, where apprise and urllib3 write whole URLs."""
    with caplog.at_level(1):
        logging.getLogger("apprise").setLevel(1)
        one = sink(receiver)
        if behave == "refused":
            receiver.close()
        else:
            receiver.answers.extend(behave)
        failure = await send(one, ONE)
        said = [repr(one), str(one), repr(failure), str(vars(failure)) if failure else ""]
        logging.getLogger("apprise").warning("of another part of the program")
    logging.getLogger("apprise").setLevel(logging.NOTSET)
    assert (failure is None) == (behave == [])
    lines = [record.getMessage() for record in caplog.records]
    assert "of another part of the program" in lines  # only our own calls are kept out of the log
    text = "\n".join([*said, *lines])
    for secret in SECRETS:
        assert secret not in text


@pytest.mark.parametrize(
    "url",
    [
        "slack://tokensecret",
        "nosuch://me:hunter2@host/tokensecret",
        "https://host.example/tokensecret?x=querysecret",
        "mailto://me:pw!@",
        "json://",
        "discord://tokensecret",
    ],
)
def test_a_url_that_cannot_work_is_refused_unseen(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(1), pytest.raises(BadConfiguration) as caught:
        AppriseSink("ops", url)
    text = "\n".join([str(caught.value), *(record.getMessage() for record in caplog.records)])
    assert "alerts_to: sink 'ops'" in text
    assert "apprise's documentation" in text
    for secret in SECRETS:
        assert secret not in text


def test_a_missing_extra_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(
        "dutiful.observe.sinks.apprise_sink.find_spec",
        lambda name: None if name == "apprise" else found(name),
    )
    with pytest.raises(BadConfiguration, match=r"pip install 'dutiful\[alerts\]'") as caught:
        AppriseSink("ops", "slack://hunter2/x/y")
    assert "hunter2" not in str(caught.value)


async def test_a_service_that_raises_is_a_failure(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = sink(receiver)

    def broken(**given: object) -> bool:
        raise RuntimeError("cannot call http://me:hunter2@host/tokensecret")

    monkeypatch.setattr(one._service, "notify", broken)
    with pytest.raises(NotSent, match="RuntimeError: cannot call") as caught:
        await one.send(ONE)
    assert "hunter2" not in str(caught.value)
