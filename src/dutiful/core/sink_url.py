"""The URLs of sinks and of the dead-man's signal: how they are read, and how they may be shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import BadOption
from .text import shown
from .url import passwords

LOG = "log"
"""The name of the sink that is always there."""
WEBHOOK = "webhook+"
"""What the URL of a signed webhook begins with, before http or https."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - what each secret begins with
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
"""As the specification of Standard Webhooks recommends."""
HOW_TO_MAKE_ONE = (
    '`python -c "from dutiful.observe.sinks.webhook import new_secret; print(new_secret())"`'
)
"""The command that makes a secret."""

NAME = re.compile("[a-z][a-z0-9_-]{0,39}")
"""The names of sinks that settings may have."""
WRITE_NAMES = "a name has up to 40 small letters, digits, - and _, and begins with a letter"
_PRINTED = re.compile(r"[\x21-\x7e]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_IN_TEXT = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)\S+")
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_EXAMPLE = "ops=slack://TOKEN_A/TOKEN_B/TOKEN_C"


def sink_urls(value: object) -> dict[str, str]:
    """Read the sinks by name, from a mapping or from a text ``NAME=URL NAME=URL``.

    BadOption says what is wrong and how to write it, and shows no URL.
    """
    pairs: list[tuple[Any, Any]]
    if isinstance(value, str):
        pairs = [(name, url) for name, _, url in (part.partition("=") for part in value.split())]
    elif isinstance(value, Mapping):
        pairs = list(cast(Any, value).items())
    else:
        raise BadOption(f"write names with URLs, such as {_EXAMPLE}")
    found: dict[str, str] = {}
    for name, url in pairs:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            hidden = "a URL" if isinstance(name, str) and "/" in name else shown(name)
            raise BadOption(
                f"{hidden} names no sink; write NAME=URL, such as {_EXAMPLE}; {WRITE_NAMES}"
            )
        if name == LOG:
            raise BadOption("the sink 'log' is always there; give yours another name")
        if name in found:
            raise BadOption(f"two sinks are called {name!r}; give one of them another name")
        found[name] = _checked(name, url)
    return found


def _checked(name: str, url: object) -> str:
    if not isinstance(url, str) or not _PRINTED.fullmatch(url := url.strip()):
        raise BadOption(f"sink {name!r}: write its URL as text, without spaces")
    known = _SCHEME.match(url)
    if known is None or not url.startswith(f"{known[0]}://"):
        raise BadOption(f"sink {name!r}: its URL needs a scheme, as in {_EXAMPLE}")
    scheme = known[0].lower()
    if scheme.startswith(WEBHOOK):
        target = http_target(url[len(WEBHOOK) :], f"sink {name!r}", fragment=True)
        if target.fragment:
            secrets_of(target.fragment)
    elif scheme == "http":
        raise BadOption(
            f"sink {name!r}: http:// says where, but not what to send; write webhook+http:// for "
            "signed JSON, or json:// for what apprise sends"
        )
    return url


def http_target(url: str, what: str, *, fragment: bool = False) -> SplitResult:
    """Split a URL of http or https; BadOption where it cannot be called, and it is not shown."""
    if not _PRINTED.fullmatch(url):
        raise BadOption(f"{what}: write the URL in ASCII, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # whose text repeats a part of it
        raise BadOption(f"{what}: the URL cannot be read; check host and port") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise BadOption(f"{what}: use a URL of http:// or https://")
    if not parts.hostname or port == 0:
        raise BadOption(f"{what}: the URL needs a host, and a port above 0 if it names one")
    if parts.username is not None or parts.password is not None:
        raise BadOption(f"{what}: leave user and password out of the URL; they would not be sent")
    if parts.fragment and not fragment:
        raise BadOption(f"{what}: leave out the # and what follows it; it would not be sent")
    return parts


def secrets_of(text: str) -> tuple[bytes, ...]:
    """Read one or more secrets of webhooks, parted by spaces; BadOption, which shows none.

    The first signs, and so do the others: receivers accept either while a secret is replaced.
    """
    found: list[bytes] = []
    for part in text.split():
        try:
            key = base64.b64decode(part.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if (
            not part.startswith(SECRET_PREFIX)
            or not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX
        ):
            raise BadOption(
                f"a secret is {SECRET_PREFIX} and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes "
                f"in base64; make one with {HOW_TO_MAKE_ONE}"
            )
        found.append(key)
    if not found:
        raise BadOption(f"the secret is empty; make one with {HOW_TO_MAKE_ONE}")
    return tuple(found)


def public_sink(url: str) -> str:
    """Return what may be shown of a sink's URL: the scheme, and the host of a webhook.

    The other URLs hold tokens in every place, also in that of the host.

    >>> public_sink("slack://a/b/c"), public_sink("webhook+https://ops.example/x#whsec_a")
    ('slack://***', 'webhook+https://ops.example/***')
    """
    known = _SCHEME.match(url)
    scheme = f"{known[0].lower()}://" if known else ""
    if scheme.removeprefix(WEBHOOK) not in ("http://", "https://"):
        return f"{scheme}***"
    try:
        host = urlsplit(url.removeprefix(WEBHOOK)).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    return f"{scheme}{host}/***" if host else f"{scheme}***"


def without_urls(text: str) -> str:
    """Hide what follows the scheme of each URL in a text.

    >>> without_urls("cannot call https://me:hunter2@host/token today")
    'cannot call https://*** today'
    """
    return _IN_TEXT.sub(r"\1***", text)


_PARTS = re.compile(r"[/?&=@:#,;]+")
_TOKEN_MIN, _KEY_MIN = 8, 20
"""A part of a URL counts as a token when it is this long and has digits or both cases, or longer.
Shorter and plainer ones, such as a room or a host, are words of any text."""


def secret_parts(urls: Iterable[str], secret: str | None = None) -> tuple[str, ...]:
    """Return what no text may contain of the URLs of sinks and of the secret of webhooks.

    Hosts, users and rooms stay readable: every error of a job is searched for these texts.

    >>> secret_parts(["slack://T1JJ3T3L2/A1BRTD4JD/#alerts"])
    ('T1JJ3T3L2', 'A1BRTD4JD')
    >>> secret_parts(["mailto://me:hunter2@example.com"])
    ('hunter2',)
    """
    found: list[str] = (secret or "").split()
    for url in urls:
        _, _, rest = url.partition("://")
        login, at, _ = rest.rpartition("@")
        if at and (password := login.partition(":")[2]):
            found.append(password)
        found += [part for part in _PARTS.split(rest) if _is_token(part)]
        found += passwords(f"x://x?{rest.partition('#')[0].partition('?')[2]}")
    forms = (form for text in found for form in (text, unquote(text)) if form)
    return tuple(dict.fromkeys(forms))


def _is_token(part: str) -> bool:
    if len(part) < _TOKEN_MIN or _HOST.fullmatch(part):
        return False
    kinds = (str.isdigit, str.islower, str.isupper)
    mixed = sum(any(kind(char) for char in part) for kind in kinds) > 1
    return mixed or len(part) >= _KEY_MIN
