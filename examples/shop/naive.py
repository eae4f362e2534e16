"""The same shop with the safety off, to show what goes wrong. Do not copy this one.

A job counts as done when the worker has taken it into its memory (acknowledged early, delivered at
most once), errors are handled there and then forgotten, and no idempotency key tells the gateway
that a request is the second one of its kind.
"""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from dutiful import App

GATEWAY = os.environ.get("GATEWAY", "127.0.0.1:8800")
SLOTS = 8
IN_MEMORY_MAX = 32  # jobs taken ahead, so that no slot has to wait
TRIES_MAX = 8

app = App()
pool = ThreadPoolExecutor(SLOTS)
room = threading.Semaphore(IN_MEMORY_MAX)


@app.task(queue="payments")
def charge(order_id: str, card: str, cents: int, currency: str, tries: int = 1) -> None:
    """Take the work into memory and return, so that the queue believes it done."""
    room.acquire()
    pool.submit(work, order_id, card, cents, currency, tries)


def work(order_id: str, card: str, cents: int, currency: str, tries: int) -> None:
    """Charge the card; when that fails enqueue another try, or give up in silence."""
    body = {"order": order_id, "card": card, "cents": cents, "currency": currency}
    try:
        with closing(HTTPConnection(GATEWAY, timeout=1)) as gateway:
            gateway.request("POST", "/charges", json.dumps(body))
            again = gateway.getresponse().status not in (201, 402)
    except (OSError, HTTPException):
        again = True
    finally:
        room.release()
    if again and tries < TRIES_MAX:
        charge.enqueue(order_id, card, cents, currency, tries + 1)
