"""Signed webhooks reach a real receiver, and a receiver believes no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time

import pytest

from dutiful.core.errors import BadOption, BadSignature, NotSent
from dutiful.observe.sinks.webhook import WebhookSink, new_secret, verify
from tests.observe.notifications import ONE
from tests.observe.receiver import Receiver, status

SECRET = new_secret()
OLD = new_secret()
PATH = "/hooks/tokensecret?key=querysecret"


def sink(receiver: Receiver, secret: str = SECRET) -> WebhookSink:
    return WebhookSink("ops", f"webhook+{receiver.url}{PATH}", secret, 5)


async def test_it_is_delivered_and_its_signature_verified(receiver: Receiver) -> None:
    await sink(receiver).send(ONE)
    [got] = receiver.got
    assert (got.method, got.path) == ("POST", PATH)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == ONE.id
    assert verify(got.body, got.headers, SECRET) == ONE


async def test_the_signature_is_that_of_standard_webhooks(receiver: Receiver) -> None:
    """Calculated here by the text of the specification, without our code."""
    await sink(receiver).send(ONE)
    [got] = receiver.got
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = b".".join(
        (got.headers["webhook-id"].encode(), got.headers["webhook-timestamp"].encode(), got.body)
    )
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60


async def test_a_secret_is_replaced_without_a_gap(receiver: Receiver) -> None:
    await sink(receiver, f"{SECRET} {OLD}").send(ONE)
    [got] = receiver.got
    for known in (SECRET, OLD, f"{new_secret()} {OLD}"):
        assert verify(got.body, got.headers, known) == ONE


async def test_a_secret_in_the_url_counts_and_is_not_sent(receiver: Receiver) -> None:
    own = new_secret()
    await WebhookSink("ops", f"webhook+{receiver.url}/x#{own}", SECRET).send(ONE)
    [got] = receiver.got
    assert got.path == "/x"
    assert verify(got.body, got.headers, own) == ONE
    with pytest.raises(BadSignature, match="does not fit"):
        verify(got.body, got.headers, SECRET)


async def test_what_was_changed_or_is_old_is_refused(receiver: Receiver) -> None:
    await sink(receiver).send(ONE)
    [got] = receiver.got
    headers = {name.title(): value for name, value in got.headers.items()}
    stamp = int(got.headers["webhook-timestamp"])
    assert verify(got.body, headers, SECRET, now=stamp + 300) == ONE
    for changes, body, now, why in [
        ({}, got.body.replace(b"billing", b"pulling"), stamp, "does not fit"),
        ({"Webhook-Id": "n-2"}, got.body, stamp, "does not fit"),
        ({"Webhook-Timestamp": str(stamp + 1)}, got.body, stamp, "does not fit"),
        ({"Webhook-Signature": "v1,"}, got.body, stamp, "does not fit"),
        ({"Webhook-Signature": "v1,\u00e9"}, got.body, stamp, "does not fit"),
        ({"Webhook-Timestamp": "soon"}, got.body, stamp, "whole number"),
        ({"Webhook-Timestamp": "9" * 5000}, got.body, stamp, "whole number"),
        ({"Webhook-Signature": ""}, got.body, stamp, "webhook-signature is missing"),
        ({}, got.body, stamp + 301, "more than 300 s ago"),
        ({}, got.body, stamp - 301, "more than 300 s ago"),
    ]:
        with pytest.raises(BadSignature, match=why):
            verify(body, headers | changes, SECRET, now=now)


@pytest.mark.parametrize("wrong", ["", "hunter2", "whsec_", "whsec_!!!!", "whsec_aHVudGVyMg=="])
def test_a_wrong_secret_is_refused_unseen(wrong: str) -> None:
    with pytest.raises(BadOption, match=r"secret") as caught:
        WebhookSink("ops", "webhook+https://ops.example/x", wrong)
    assert "hunter2" not in str(caught.value)
    assert "aHVu" not in str(caught.value)


async def test_500_then_ok(receiver: Receiver) -> None:
    receiver.answers.extend([status(500), status(204)])
    one = sink(receiver)
    with pytest.raises(NotSent, match="answered 500") as caught:
        await one.send(ONE)
    assert not caught.value.permanent
    await one.send(ONE)
    assert [got.headers["webhook-id"] for got in receiver.got] == [ONE.id, ONE.id]


async def test_no_secret_is_shown(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.answers.extend([status(500), status(302, f"Location: {receiver.url}/leak")])
    one = sink(receiver)
    said = [repr(one), str(one)]
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            with pytest.raises(NotSent) as caught:
                await one.send(ONE)
            said += [str(caught.value), repr(caught.value)]
    text = "\n".join([*said, *(record.getMessage() for record in caplog.records)])
    assert "127.0.0.1" in text
    for secret in ("tokensecret", "querysecret", SECRET, SECRET[6:], "leak"):
        assert secret not in text
