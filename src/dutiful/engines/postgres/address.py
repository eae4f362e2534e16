"""What a store's URL says: the server as libpq understands it, and what is ours."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import msgspec
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from dutiful.core.errors import BadConfiguration
from dutiful.core.url import struct_text

CONNECTIONS = 5
_SCHEMA_BYTES_MAX = 40
_SCHEMES = ("postgresql", "postgres")
_ESCAPES = (
    "the PostgreSQL URL cannot be read; in a user, a password and a name write "
    "@ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25"
)


class Address(msgspec.Struct, frozen=True):
    """Where the jobs are."""

    conninfo: str
    """What libpq is given; it may hold a password."""
    schema: str = "dutiful"
    connections: int = CONNECTIONS
    """At most so many connections for a process's ordinary work, beside two of its own."""
    pooler: bool = False
    """Whether a pooler stands between, which gives a connection for one transaction only."""

    def __repr__(self) -> str:
        """Show the address, and no password."""
        return struct_text(self, self.__struct_fields__, "conninfo")

    @property
    def shown(self) -> str:
        """The address without what is secret."""
        parts = urlsplit(self.conninfo)
        if not parts.scheme:
            return "postgresql"
        host = parts.netloc.rpartition("@")[2]
        user = unquote(parts.username or "")
        query = [(k, v) for k, v in parse_qsl(parts.query) if k in ("host", "port", "dbname")]
        netloc = f"{quote(user)}@{host}" if user else host
        return urlunsplit((parts.scheme, netloc, parts.path, urlencode(query), ""))


def address_of(url: str) -> Address:
    """Read a URL; raises BadConfiguration that names what is wrong, and never the password."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise BadConfiguration(f"{parts.scheme}:// is no PostgreSQL URL; write postgresql://")
    _demand_escapes(url)
    ours: dict[str, str] = {}
    theirs: list[tuple[str, str]] = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in ("schema", "connections", "pooler"):
            ours[name] = value
        else:
            theirs.append((name, value))
    conninfo = urlunsplit(
        ("postgresql", parts.netloc, parts.path, urlencode(theirs, quote_via=quote), "")
    )
    return Address(
        conninfo=_understood(conninfo),
        schema=_schema(ours.get("schema", "dutiful")),
        connections=_connections(ours.get("connections", str(CONNECTIONS))),
        pooler=_flag("pooler", ours.get("pooler", "no")),
    )


def _demand_escapes(url: str) -> None:
    """Refuse a password with a bare sign: half of it would be taken for a host, and be shown."""
    _, slashes, rest = url.partition("://")
    if not slashes:
        raise BadConfiguration("the PostgreSQL URL has to begin with postgresql://, two slashes")
    server, *query = rest.split("?", 1)
    named = [pair.partition("=")[0] for text in query for pair in text.split("&")]
    if "#" in url or server.count("@") > 1 or any("@" in name for name in named):
        raise BadConfiguration(_ESCAPES)
    if "@" in server.partition("/")[2]:
        raise BadConfiguration(_ESCAPES)


def _understood(conninfo: str) -> str:
    """Let libpq read the URL before it is used: it names a misspelt parameter."""
    try:
        conninfo_to_dict(conninfo)
    except ProgrammingError as error:
        said = "it cannot be read" if "@" in str(error) else str(error).strip()
        if "percent-encoded" in said:
            raise BadConfiguration(_ESCAPES) from None
        raise BadConfiguration(f"the PostgreSQL URL: {said}; correct it") from None
    return conninfo


def _schema(name: str) -> str:
    if not name or len(name.encode()) > _SCHEMA_BYTES_MAX or "\x00" in name:
        raise BadConfiguration(
            f"schema={name!r} in the URL; use a name of 1 to {_SCHEMA_BYTES_MAX} bytes"
        )
    if name.startswith("pg_"):
        raise BadConfiguration(f"schema={name!r} in the URL; PostgreSQL keeps pg_ for itself")
    return name


def _connections(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise BadConfiguration(f"connections={text!r} in the URL; use a number of 1 or more")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() in ("yes", "true", "1", "transaction"):
        return True
    if text.lower() in ("no", "false", "0", "none", "session"):
        return False
    raise BadConfiguration(f"{name}={text!r} in the URL; use yes or no")
