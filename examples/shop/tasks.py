"""Charge each order of a shop once, through a payment gateway that fails now and then."""

import json
import os
from contextlib import closing
from http.client import HTTPConnection

from dutiful import App, Context, Discard, Retry

GATEWAY = os.environ.get("GATEWAY", "127.0.0.1:8800")

app = App()  # the store is named by DUTIFUL_URL


class GatewayError(Exception):
    """The gateway answered, but did not charge; the next attempt may succeed."""


@app.task(queue="payments", retry=Retry(max_attempts=8, delay="200ms", cap="1s"), timeout="10s")
def charge(ctx: Context, order_id: str, card: str, cents: int, currency: str) -> str:
    """Charge a card and return the gateway's number for it.

    A reply can be lost after the money was taken, and a worker can die: both end in another
    attempt. The key is the same on every attempt of a job, so the gateway charges only once.
    """
    body = {"order": order_id, "card": card, "cents": cents, "currency": currency}
    with closing(HTTPConnection(GATEWAY, timeout=1)) as gateway:
        headers = {"Content-Type": "application/json", "Idempotency-Key": ctx.idempotency_key}
        gateway.request("POST", "/charges", json.dumps(body), headers)
        reply = gateway.getresponse()  # a timeout or a cut connection raises, so it is tried again
        answer = json.load(reply)
    if reply.status == 402:
        raise Discard(answer["error"])  # trying again will not help; a person must look at it
    if reply.status != 201:
        raise GatewayError(f"{reply.status}: {answer['error']}")
    return str(answer["charge"])
