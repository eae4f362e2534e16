"""One call of an HTTP server, in a thread: no redirects, no answer's body, a time limit."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import time
from urllib.parse import urlsplit

from dutiful.contract.beside import beside
from dutiful.core.delivery import refusal
from dutiful.core.errors import NotSent
from dutiful.core.text import type_name


async def call(
    url: str, method: str, headers: Mapping[str, str], body: bytes | None, seconds: float
) -> None:
    """Call a URL of http or https, and return when the server answers with a status of success.

    Raises NotSent with the status or with why there is none; it holds no part of the URL's path.
    Within ``seconds`` the call is over, however slowly the server answers: the connection is cut
    then, so that its thread ends. Only the lookup of the host's name cannot be cut; its thread
    ends when the system's resolver gives up, and sends nothing then.
    """
    one = _Call(url, method, headers, body, seconds)
    try:
        async with asyncio.timeout(seconds):
            status, retry_after = await beside(one.run)
    except TimeoutError:
        raise NotSent(f"no answer within {seconds:g} s") from None
    finally:
        one.cut()
    failure = refusal(status, retry_after, int(time() * 1_000_000))
    if failure is not None:
        raise failure


class _Call:
    """One connection and what goes over it."""

    def __init__(
        self, url: str, method: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> None:
        parts = urlsplit(url)
        self._connection = _connect_to(parts.scheme, parts.hostname or "", parts.port, seconds)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._method, self._headers, self._body = method, headers, body
        self._over = False

    def run(self) -> tuple[int, str | None]:
        """Send, and read status and headers of the answer; blocks."""
        connection = self._connection
        try:
            connection.connect()
            if self._over:
                raise NotSent("the call was over before there was a connection")
            connection.request(self._method, self._target, self._body, dict(self._headers))
            answer = connection.getresponse()
            return answer.status, answer.getheader("retry-after")
        except TimeoutError:
            raise
        except OSError as error:
            raise NotSent(_worded(error)) from None
        except HTTPException:  # whose text repeats what the server has sent
            raise NotSent("the answer is not HTTP") from None
        finally:
            connection.close()

    def cut(self) -> None:
        """End the connection from another thread, if it is still open."""
        self._over = True
        line = self._connection.sock
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def _connect_to(scheme: str, host: str, port: int | None, seconds: float) -> HTTPConnection:
    if scheme.lower() == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(host, port, timeout=seconds, context=context)
    return HTTPConnection(host, port, timeout=seconds)


def _worded(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return error.strerror or type_name(error)
