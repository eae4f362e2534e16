"""A store's URL: which engine it names, and how it may be shown."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_HIDDEN = "***"
_KNOWN = re.compile(r"(?:sqlite|memory|postgres(?:ql)?)://", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://)?")
_COLON = re.compile(":|%3a", re.IGNORECASE)
_HOST = r"(?:\[[^\[\]@]*\]|[^\[\]:,]*)(?::[0-9]+)?"
_HOSTS = re.compile(f"{_HOST}(?:,{_HOST})*")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile("pass|pwd|secret|token|credential|key", re.IGNORECASE)
_GIVEN = re.compile(r"(?:password|passwd|pwd|secret|token)\w*\s*(?:=|%3d)\s*", re.IGNORECASE)
_AFTER_A_SECRET = frozenset(
    "application_name channel_binding connect_timeout connections dbname durability gssencmode host"
    " hostaddr keepalives keepalives_count keepalives_idle keepalives_interval options pooler port"
    " schema service sslcert sslcrl sslmode sslrootcert target_session_attrs tcp_user_timeout"
    " user".split()
)
"""Behind a secret only these are parts of a query; others may be the rest of it, after a bare &."""


def scheme(url: str) -> str | None:
    """Return what names the engine, in lower case; None where the URL cannot be read.

    >>> scheme("SQLite:///jobs.db"), scheme(" memory:"), scheme("jobs.db"), scheme("x://[")
    ('sqlite', 'memory', '', None)
    """
    try:
        return urlsplit(url).scheme
    except ValueError:  # whose words may hold the password
        return None


def in_process(url: str) -> bool:
    """Whether a store ends with its process, and no other process reaches it."""
    return scheme(url) == "memory"


def public(url: str | None) -> str:
    """Return a URL that may be shown: without a password, in any part of it.

    What can be read in two ways is hidden in both, and so is all that is no URL of a store. A #
    ends nothing here: libpq takes it as part of a password.

    >>> public("postgresql://me:hunter2@db/shop?password=hunter2")
    'postgresql://me:***@db/shop?password=***'
    >>> public("host=db password=hunter2")
    '***'
    """
    if not url:
        return ""
    if (known := _KNOWN.match(url)) is None:
        scheme = _SCHEME.match(url)
        return (scheme[0] if scheme else "") + _HIDDEN
    head, rest = known[0], url[known.end() :]
    server, mark, query = rest.partition("?")
    if "@" in query and _COLON.search(rest, 0, rest.rindex("@")):
        # Either a password with a bare ? or a query with a bare @: where each ends is not known.
        return f"{head}{re.split('[:/?#@%=]', rest)[0]}:{_HIDDEN}"
    shown, whole = _server(server)
    return head + shown + mark + _query(query) if whole else head + shown


def passwords(url: str | None) -> tuple[str, ...]:
    """Return what is secret in a URL, as it is written there and as it is meant.

    >>> passwords("postgresql://me:hunter%402@db/shop?sslpassword=other")
    ('hunter%402', 'hunter@2', 'other')
    """
    server, _, query = (url or "").partition("://")[2].partition("?")
    login = server.rpartition("@")[0]
    colon = _COLON.search(login)
    found = [] if colon is None else [login[colon.end() :]]
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if _SECRET.search(unquote(name)):
            found.append(value)
    return tuple(dict.fromkeys(form for text in found for form in (text, unquote(text)) if form))


def _server(text: str) -> tuple[str, bool]:
    """Return what may be shown up to the query, and whether the query may follow."""
    login, at, place = text.rpartition("@")
    if (colon := _COLON.search(login)) is not None:
        login = f"{login[: colon.start()]}:{_HIDDEN}"
    hosts, _, name = place.partition("/")
    whole = bool(_HOSTS.fullmatch(hosts)) and ("/" not in name or _COLON.search(hosts) is None)
    if not whole:  # as in me:secret/shop or me:/secret/shop, which lack the host
        place = f"{_COLON.split(hosts)[0]}:{_HIDDEN}"
    shown = login + at + place
    if (given := _GIVEN.search(shown)) is not None:
        return shown[: given.end()] + _HIDDEN, False
    return shown, whole


def _query(text: str) -> str:
    parts: list[str] = []
    after_a_secret = False
    for part in text.split("&") if text else []:
        written, equals, value = part.partition("=")
        name = unquote(written)
        if not equals or not _NAME.fullmatch(name):
            parts.append(_HIDDEN)
        elif _SECRET.search(name) or _GIVEN.search(unquote(value)):
            parts.append(f"{written}={_HIDDEN}")
            after_a_secret = True
        elif after_a_secret and name not in _AFTER_A_SECRET:
            parts.append(_HIDDEN)
        else:
            parts.append(part)
    return "&".join(parts)


def struct_text(struct: object, fields: tuple[str, ...], secret: str) -> str:
    """Write a record as its own repr does, without the password of the URL in field ``secret``."""
    parts: list[str] = []
    for name in fields:
        value = getattr(struct, name)
        shown = public(value) if name == secret and isinstance(value, str) else value
        parts.append(f"{name}={shown!r}")
    return f"{type(struct).__qualname__}({', '.join(parts)})"
