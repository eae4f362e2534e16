"""Signed webhooks, as the specification of Standard Webhooks describes them: send and verify."""

from __future__ import annotations

import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from time import time

import msgspec

from dutiful.contract.release import release
from dutiful.core.errors import BadSignature
from dutiful.core.notification import Notification
from dutiful.core.sink_url import SECRET_PREFIX, WEBHOOK, public_sink, secrets_of
from dutiful.observe.http_call import call

TOLERANCE = 300.0
"""Seconds by which the time of a webhook may differ from the receiver's clock."""
SECONDS = 10.0
"""The time limit of one call."""
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_SIGNATURES_MAX = 20
"""More in one header are not looked at."""


class WebhookSink:
    """Posts each notification as JSON, signed with HMAC-SHA256 over id, time and body."""

    def __init__(self, name: str, url: str, secret: str, seconds: float = SECONDS) -> None:
        """Take a URL ``webhook+https://…`` or ``webhook+http://…``; BadOption for a wrong secret.

        A secret after # in the URL counts instead of ``secret``.
        """
        self.name = name
        self._shown = public_sink(url)
        self._url, _, own = url[len(WEBHOOK) :].partition("#")
        self._keys = secrets_of(own or secret)
        self._seconds = seconds

    async def send(self, notification: Notification) -> None:
        """Post it; raises NotSent when the receiver does not answer with a status 200 to 299."""
        body = msgspec.json.encode(notification)
        stamp = str(int(time()))
        headers = {
            "content-type": "application/json",
            "user-agent": f"dutiful/{release()}",
            ID: notification.id,
            TIMESTAMP: stamp,
            SIGNATURE: " ".join(_sign(key, notification.id, stamp, body) for key in self._keys),
        }
        await call(self._url, "POST", headers, body, self._seconds)

    def __repr__(self) -> str:
        """Show name and host, and no secret."""
        return f"WebhookSink({self.name!r}, {self._shown!r})"


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> Notification:
    """Return the notification of a webhook that was received; BadSignature for all others.

    ``body`` are the bytes as they arrived, ``secret`` may hold several, parted by spaces, and
    ``now`` is the time in seconds since 1970. One that is repeated within ``tolerance`` seconds is
    accepted: keep the ids for so long, and ignore an id that you have seen.
    """
    keys = secrets_of(secret)
    found = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not found.get(name)]
    if missing:
        raise BadSignature(f"the header {missing[0]} is missing")
    stamp, given = found[TIMESTAMP], found[SIGNATURE].split()[:_SIGNATURES_MAX]
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise BadSignature(f"the header {TIMESTAMP} is not a whole number of seconds")
    if abs((time() if now is None else now) - int(stamp)) > tolerance:
        raise BadSignature(
            f"the webhook was signed more than {tolerance:g} s ago or ahead: it is repeated, or "
            "the clocks differ"
        )
    expected = [_sign(key, found[ID], stamp, body).encode() for key in keys]
    # All are compared, so that the time says nothing about which of them is right.
    equal = [
        hmac.compare_digest(one, other.encode("utf-8", "replace"))
        for one in expected
        for other in given
    ]
    if not any(equal):
        raise BadSignature("the signature does not fit: another secret, or a changed body")
    try:
        return msgspec.json.decode(body, type=Notification)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadSignature("the signature is right, and the body is no notification") from None


def new_secret() -> str:
    """Make a secret for `alerts_secret`: 32 random bytes."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()


def _sign(key: bytes, message_id: str, stamp: str, body: bytes) -> str:
    signed = f"{message_id}.{stamp}.".encode("utf-8", "replace") + body
    return f"v1,{b64encode(hmac.new(key, signed, sha256).digest()).decode()}"
