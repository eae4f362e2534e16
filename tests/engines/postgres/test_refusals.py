"""Why a server refuses a connection is read from its code, whatever language it speaks."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from dutiful.core.errors import EngineError, EngineUnavailable, StoreUnusable
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.address import address_of
from dutiful.engines.postgres.connections.connection import aconnect, connect

SSL_REQUESTS = (80877103, 80877104)

Serve = Callable[[str, str], "asyncio.Future[str]"]


@pytest.fixture
async def server() -> AsyncIterator["Server"]:
    server = Server()
    await server.start()
    yield server
    await server.stop()


class Server:
    """Refuses everybody with one code, in German."""

    code, words = "28P01", "Passwort-Authentifizierung für Benutzer »shop« fehlgeschlagen"
    asked = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://shop:hunter2@127.0.0.1:{port}/shop"

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            if struct.unpack("!I", body[:4])[0] not in SSL_REQUESTS:
                break
            writer.write(b"N")
        self.asked += 1
        fields = {"S": "FATAL", "V": "FATAL", "C": self.code, "M": self.words}
        told = b"".join(name.encode() + text.encode() + b"\0" for name, text in fields.items())
        writer.write(b"E" + struct.pack("!I", len(told) + 5) + told + b"\0")
        await writer.drain()
        writer.close()


REFUSALS: dict[str, tuple[type[EngineError], str]] = {
    "28P01": (StoreUnusable, "the password is wrong"),
    "28000": (StoreUnusable, "refuses this user"),
    "28X99": (StoreUnusable, "refuses this user"),
    "3D000": (StoreUnusable, "no such database"),
    "3F000": (StoreUnusable, "no such schema"),
    "42501": (StoreUnusable, "lacks a right"),
    "42704": (StoreUnusable, "refuses a setting"),
    "22023": (StoreUnusable, "for good"),
    "0A000": (StoreUnusable, "for good"),
    "57P03": (EngineUnavailable, "fehlgeschlagen"),
    "53300": (EngineUnavailable, "fehlgeschlagen"),
    "08P01": (EngineUnavailable, "fehlgeschlagen"),
    "58000": (EngineUnavailable, "fehlgeschlagen"),
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refusal_in_another_language_is_understood(server: Server, code: str) -> None:
    server.code = code
    kind, said = REFUSALS[code]
    engine = PostgresEngine(server.url)
    with pytest.raises(kind, match=said) as caught:
        await engine.open()
    assert type(caught.value).__mro__.index(kind) <= 1
    with pytest.raises(kind, match=said):
        await aconnect(address_of(server.url))
    with pytest.raises(kind, match=said):
        await asyncio.to_thread(connect, address_of(server.url))
    assert "hunter2" not in str(caught.value)
    await engine.close()
