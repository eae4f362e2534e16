"""Charge each order of a shop once, through a gateway that fails, and cash up by a schedule."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from dutiful import App, Condition, Context, Discard, Retry, Sample

GATEWAY = os.environ.get("GATEWAY", "127.0.0.1:8800")

app = App()  # the store is named by DUTIFUL_URL


# The rule below takes the place of the default one, which counts the last 15 minutes.
app.alerts.configure(every="1s", clear_after="1s", dead_letters="off")


@app.alerts.rule(severity="critical")
def charges_given_up(sample: Sample) -> Iterator[Condition]:
    """Charges that are dead letters now: resolved when all of them were sent back."""
    for queue in sample.queues:
        if queue.name == "payments":
            yield Condition(
                subject=queue.name,
                value=queue.dead,
                count=queue.dead,
                title=f"dead letters among the charges: {queue.dead}",
                command="dutiful dead list --task charge",
            )


class GatewayError(Exception):
    """The gateway answered, but did not charge; the next attempt may succeed."""


@app.task(queue="payments", retry=Retry(max_attempts=8, delay="200ms", cap="1s"), timeout="10s")
def charge(ctx: Context, order_id: str, card: str, cents: int, currency: str) -> str:
    """Charge a card and return the gateway's number for it.

    A reply can be lost after the money was taken, and a worker can die: both end in another
    attempt. The key is the same on every attempt of a job, so the gateway charges only once.
    """
    body = {"order": order_id, "card": card, "cents": cents, "currency": currency}
    status, answer = post("/charges", body, ctx.idempotency_key)
    if status == 402:
        raise Discard(answer["error"])  # trying again will not help; a person must look at it
    if status != 201:
        raise GatewayError(f"{status}: {answer['error']}")
    return str(answer["charge"])


@app.every("500ms", name="cash-up")
@app.task(queue="books", priority=10)
def cash_up(ctx: Context) -> int:
    """Have the gateway note the charges since the cash-up before, and return how many they are.

    Any worker enqueues it, none twice. The times are those of the schedule, however late it runs.
    """
    if ctx.occurrence is None:
        raise Discard("only the schedule knows what is to be cashed up")
    since, until = ctx.occurrence.previous, ctx.occurrence.planned
    body = {"since": since and since.isoformat(), "until": until.isoformat()}
    status, answer = post("/cash-ups", body, ctx.idempotency_key)
    if status != 201:
        raise GatewayError(f"{status}: {answer['error']}")
    return int(answer["charges"])


def post(path: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
    """Ask the gateway; a timeout or a cut connection raises, so the job is tried again."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    with closing(HTTPConnection(GATEWAY, timeout=1)) as gateway:
        gateway.request("POST", path, json.dumps(body), headers)
        reply = gateway.getresponse()
        return reply.status, json.load(reply)
