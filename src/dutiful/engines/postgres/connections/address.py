"""The parts of a store's URL: the server, for libpq, and Dutiful's own parameters."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from dutiful.core.errors import BadConfiguration, BadOption
from dutiful.core.text import shown, whole
from dutiful.core.url import struct_text

CONNECTIONS = 5
_SCHEMA_BYTES_MAX = 40
_COUNT = re.compile("[1-9][0-9]{0,3}")
_SCHEMES = ("postgresql", "postgres")
_OURS = ("schema", "connections", "pooler")
_SHOWN = ("hostaddr", "service")
_ESCAPES = (
    "the PostgreSQL URL cannot be read; in a user, a password and a name write "
    "@ as %40, / as %2F, : as %3A, ? as %3F and % as %25"
)


class Address(msgspec.Struct, frozen=True):
    """Where the jobs are."""

    conninfo: str
    """The connection string for libpq; it may hold a password."""
    schema: str = "dutiful"
    connections: int = CONNECTIONS
    """The most connections for a process's ordinary work, besides the heartbeat's."""
    pooler: bool = False
    """Whether there is a pooler that lends server connections for one transaction only."""

    def __repr__(self) -> str:
        """Show the address without the password."""
        return struct_text(self, self.__struct_fields__, "conninfo")

    @property
    def shown(self) -> str:
        """The address without secrets."""
        given = conninfo_to_dict(self.conninfo)
        hosts, query = _hosts(given)
        # A user with an escaped colon may be a user and a password that were escaped together.
        user = quote(str(given.get("user") or "").partition(":")[0], safe="")
        path = quote(str(given.get("dbname") or ""), safe="")
        query += [f"{name}={quote(str(given[name]))}" for name in _SHOWN if given.get(name)]
        server = f"{user}@{hosts}" if user else hosts
        tail = f"?{'&'.join(query)}" if query else ""
        return f"postgresql://{server}{f'/{path}' if path else ''}{tail}"


def address_of(url: str) -> Address:
    """Read a URL; raises BadConfiguration that names what is wrong, and never the password.

    libpq reads everything except our own parameters, so a plus sign is not a space.
    """
    try:
        whole(url, "the PostgreSQL URL", lambda _: "***")
    except BadOption as error:
        raise BadConfiguration(str(error)) from None
    scheme, _, rest = url.partition(":")
    if scheme.lower() not in _SCHEMES:
        raise BadConfiguration("this is not a PostgreSQL URL; write postgresql://")
    if not rest.startswith("//"):
        raise BadConfiguration("the PostgreSQL URL has to begin with postgresql://, two slashes")
    server, _, query = rest[2:].partition("?")
    _demand_escapes(server, query)
    ours: dict[str, str] = {}
    theirs: list[str] = []
    for pair in query.split("&") if query else []:
        name, equals, value = pair.partition("=")
        if name in _OURS:
            ours[name] = unquote(value)
        else:  # as in options=-c jit=off, which has to be escaped for libpq
            theirs.append(name + equals + value.replace("=", "%3D").replace(" ", "%20"))
    _demand_names(query)
    tail = f"?{'&'.join(theirs)}" if theirs else ""
    return Address(
        conninfo=_understood(f"postgresql://{server}{tail}"),
        schema=_schema(ours.get("schema", "dutiful")),
        connections=_connections(ours.get("connections", str(CONNECTIONS))),
        pooler=_flag("pooler", ours.get("pooler", "no")),
    )


def _demand_escapes(server: str, query: str) -> None:
    """Refuse unescaped signs in a password: a part would be taken for the host, and be shown."""
    names = [pair.partition("=")[0] for pair in query.split("&")]
    if server.count("@") > 1 or any("@" in name for name in names):
        raise BadConfiguration(_ESCAPES)
    place = server.rpartition("@")[2]
    hosts, _, name = place.partition("/")
    if "@" in server.partition("/")[2] or (":" in hosts and "/" in name):
        raise BadConfiguration(_ESCAPES)
    if any(host.endswith(":") for host in hosts.split(",")):  # as in me:/secret/shop
        raise BadConfiguration("the PostgreSQL URL: a port is empty; write host:port or host")


def _demand_names(query: str) -> None:
    """Refuse an unknown parameter, without showing its text: it may be a part of a password."""
    known = [*_OURS, *(option.keyword.decode() for option in Conninfo.get_defaults())]
    for number, part in enumerate(query.split("&"), 1):
        name, equals, _ = part.partition("=")
        if not part or (equals and unquote(name) in (*known, "ssl")):
            continue
        near = get_close_matches(unquote(name), known, n=1)
        meant = f", such as {near[0]}" if near else ""
        raise BadConfiguration(
            f"the PostgreSQL URL: part {number} of its query is not name=value with a known"
            f" name{meant}; in a value write & as %26"
        )


def _understood(conninfo: str) -> str:
    """Have libpq parse the URL; its message is not shown, because it may hold a password."""
    try:
        given = conninfo_to_dict(conninfo)
    except UnicodeDecodeError:
        raise BadConfiguration(f"{_ESCAPES}; other text is escaped as UTF-8") from None
    except ProgrammingError as error:
        if "percent-encoded" in str(error):
            raise BadConfiguration(_ESCAPES) from None
        raise BadConfiguration(
            "the PostgreSQL URL cannot be read; write"
            " postgresql://user:password@host:port/database?name=value"
        ) from None
    ports = str(given.get("port") or "").split(",")
    if not all(port.isdecimal() or not port for port in ports):
        # The port may be a password: postgresql://me:secret/shop lacks the host.
        raise BadConfiguration(
            "the PostgreSQL URL: a port is not a number; write user:password@host"
        )
    return conninfo


def _hosts(given: dict[str, Any]) -> tuple[str, list[str]]:
    """Write hosts and ports as in a URL, or as query parameters if only these can hold them."""
    host, port = str(given.get("host") or ""), str(given.get("port") or "")
    if "/" in host or host.startswith("@") or (port and not host):
        parts = {"host": host, "port": port}
        return "", [f"{name}={quote(value)}" for name, value in parts.items() if value]
    hosts, ports = host.split(","), port.split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    spelled = [
        (f"[{one}]" if ":" in one else one) + (f":{at}" if at else "")
        for one, at in zip(hosts, ports, strict=False)
    ]
    return ",".join(spelled), []


def _schema(name: str) -> str:
    if not name or len(name.encode()) > _SCHEMA_BYTES_MAX or "\x00" in name:
        raise BadConfiguration(
            f"schema={name!r} in the URL; use a name of 1 to {_SCHEMA_BYTES_MAX} bytes"
        )
    if name.startswith("pg_"):
        raise BadConfiguration(f"schema={name!r} in the URL; PostgreSQL keeps pg_ for itself")
    return name


def _connections(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise BadConfiguration(
            f"connections={shown(text)} in the URL; use a number from 1 to 9,999"
        )
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() in ("yes", "true", "1", "transaction"):
        return True
    if text.lower() in ("no", "false", "0", "none", "session"):
        return False
    raise BadConfiguration(f"{name}={text!r} in the URL; use yes or no")
