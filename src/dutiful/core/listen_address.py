"""Where an HTTP server listens, as a person writes it."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import BadOption
from .text import shown

LOOPBACK = "127.0.0.1"
_WRITTEN = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[\w.-]*):)?(?P<port>[0-9]{1,5})")
_PORT_MAX = 65_535


class Address(NamedTuple):
    """A host and a port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """Read ``HOST:PORT``; without a host it is the loopback address. BadOption for another text.

    >>> address("9464"), str(address("[::1]:9464"))
    (Address(host='127.0.0.1', port=9464), '[::1]:9464')
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None or int(found["port"]) > _PORT_MAX:
        raise BadOption(f"address {shown(text)}; write HOST:PORT, such as 127.0.0.1:9464")
    return Address((found["host"] or LOOPBACK).strip("[]"), int(found["port"]))
