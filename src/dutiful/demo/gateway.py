"""A payment gateway over real HTTP that misbehaves as its seed says; a process of its own.

    POST /charges        charge a card; with an Idempotency-Key header at most once per key
    GET  /ledger         what was really charged, one JSON object a line
    POST /cash-ups       count the charges of a time range, and note that they were
    GET  /cash-ups       which time ranges were counted, one JSON object a line
    GET  /stats          counters
    POST /cards/break    decline more cards: {"cards": [...]}
    POST /cards/repair   accept every card again
    GET  /health

``python -m dutiful.demo.gateway --port 8800`` runs it by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from dutiful.contract.beside import beside
from dutiful.demo.books import Books, CashUp, Charge, GatewayAnswer

T = TypeVar("T")

STALL = 2.5
"""Seconds of silence after a charge: longer than any client of the demo waits."""

BODY_MAX = 64 * 1024
HEAD_SECONDS_MAX = 60.0
REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 402: "Payment Required"} | {
    404: "Not Found",
    413: "Content Too Large",
    422: "Unprocessable Content",
    503: "Service Unavailable",
}


class Request(msgspec.Struct, frozen=True):
    """One request as read from a connection."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class BadRequest(Exception):
    """What was sent is not a request that this gateway reads."""


class Dropped(Exception):
    """The connection ends without an answer."""


class Breakage(msgspec.Struct, frozen=True):
    """The body of /cards/break."""

    cards: list[str]


class Gateway:
    """Reads requests, asks the books, and answers, or fails to."""

    def __init__(self, books: Books, stall: float = STALL) -> None:
        """Serve these books."""
        self.books = books
        self.stall = stall

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until it ends."""
        try:
            while (request := await _read(reader)) is not None:
                writer.write(_http(await self.answer(request)))
                await writer.drain()
                if request.headers.get("connection", "").lower() == "close":
                    break
        except BadRequest as error:
            writer.write(_http(GatewayAnswer(400, {"error": str(error)})))
        except Dropped:
            writer.transport.abort()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    async def answer(self, request: Request) -> GatewayAnswer | bytes:
        """Do what is asked; raises Dropped when the reply shall be lost."""
        stats = self.books.stats
        match request.method, request.path:
            case "POST", "/charges":
                stats.inflight += 1
                try:
                    return await self._charge(request)
                finally:
                    stats.inflight -= 1
            case "POST", "/cards/break":
                cards = _decode(request.body, Breakage).cards
                return GatewayAnswer(200, {"broken": self.books.break_cards(cards)})
            case "POST", "/cards/repair":
                self.books.repair()
                return GatewayAnswer(200, {"repaired": True})
            case "GET", "/ledger":
                return await beside(self.books.ledger.read_bytes)
            case "POST", "/cash-ups":
                wanted = _decode(request.body, CashUp)
                return self.books.cash_up(wanted, request.headers.get("idempotency-key"))
            case "GET", "/cash-ups":
                return await beside(self.books.cash_book.read_bytes)
            case "GET", "/stats":
                return GatewayAnswer(200, msgspec.to_builtins(stats))
            case "GET", "/health":
                return GatewayAnswer(200, {"ok": True})
            case _:
                return GatewayAnswer(404, {"error": f"no {request.method} {request.path}"})

    async def _charge(self, request: Request) -> GatewayAnswer:
        wanted = _decode(request.body, Charge)
        books, stats = self.books, self.books.stats
        stats.requests += 1
        fault = books.draw(wanted.order)
        await asyncio.sleep(fault.latency)
        if fault.kind == "error":
            stats.errors += 1
            return GatewayAnswer(503, {"error": "try again later"})
        answer = books.charge(wanted, request.headers.get("idempotency-key"))
        if answer.status != 201 or fault.kind == "none":
            return answer
        if fault.kind == "stall":
            stats.stalls += 1
            await asyncio.sleep(self.stall)
        else:
            stats.cuts += 1
        raise Dropped


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Read the next request, or None at the end of the connection."""
    async with asyncio.timeout(HEAD_SECONDS_MAX):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        except asyncio.LimitOverrunError as error:
            raise BadRequest("the headers are too long") from error
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise BadRequest("this is not HTTP/1.1")
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > BODY_MAX or "transfer-encoding" in headers:
            raise BadRequest(f"send a body of at most {BODY_MAX} bytes with its Content-Length")
        return Request(words[0], words[1], headers, await reader.readexactly(int(size)))


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise BadRequest(str(error)) from error


def _http(answer: GatewayAnswer | bytes) -> bytes:
    if isinstance(answer, bytes):
        status, kind, body = 200, "application/x-ndjson", answer
    else:
        status, kind, body = answer.status, "application/json", msgspec.json.encode(answer.body)
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def run(ledger: Path, seed: int, port: int, stall: float = STALL) -> None:
    """Serve on loopback indefinitely; the first line of output is the gateway's address."""
    gateway = Gateway(Books(ledger, seed), stall)
    server = await asyncio.start_server(gateway.serve, "127.0.0.1", port, backlog=512)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run the gateway by hand or as the demo's child."""
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    parser.add_argument("--ledger", type=Path, default=Path("ledger.jsonl"))
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    chosen = parser.parse_args()
    try:
        asyncio.run(run(chosen.ledger, chosen.seed, chosen.port))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
