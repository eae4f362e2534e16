"""The gateway over real HTTP: what it charges, replays, declines and loses."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from dutiful.demo.books import (
    CUTS,
    ERRORS,
    STALLS,
    Books,
    FaultKind,
    LedgerLine,
    fault,
    read_cash_book,
    read_ledger,
)
from dutiful.demo.gateway import Gateway

SEED = 3


class Running:
    """A gateway in a thread of its own, and a client for it."""

    def __init__(self, ledger: Path) -> None:
        self.books = Books(ledger, SEED)
        self.loop = asyncio.new_event_loop()
        self.tasks: set[asyncio.Task[None]] = set()
        self.server = self.loop.run_until_complete(
            asyncio.start_server(Gateway(self.books, stall=0.6).serve, "127.0.0.1", 0)
        )
        self.port: int = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._drain(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        self.books.close()

    async def _drain(self) -> None:
        self.server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def ask(
        self, method: str, path: str, body: object = None, key: str | None = None
    ) -> tuple[int, str]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=0.3)) as connection:
            headers = {} if key is None else {"Idempotency-Key": key}
            connection.request(method, path, json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

    def charge(self, order: str, key: str | None = None, card: str = "tok") -> tuple[int, str]:
        body = {"order": order, "card": card, "cents": 100, "currency": "EUR"}
        return self.ask("POST", "/charges", body, key)

    def ledger(self) -> list[LedgerLine]:
        status, text = self.ask("GET", "/ledger")
        assert status == 200
        return list(read_ledger(text.encode()))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "ledger.jsonl")
    yield running
    running.close()


def order(*kinds: FaultKind, start: int = 0) -> str:
    """Find an order, numbered from ``start``, whose first requests meet these faults."""
    for number in range(start, 1_000_000):
        name = f"SO-{number}"
        if all(fault(SEED, name, nth).kind == kind for nth, kind in enumerate(kinds, 1)):
            return name
    raise AssertionError(f"no order meets {kinds}")


def test_same_key_is_answered_the_same_and_charged_once(gateway: Running) -> None:
    name = order("none", "none")
    first = gateway.charge(name, "key")
    assert first[0] == 201
    assert gateway.charge(name, "key") == first
    assert [entry.key for entry in gateway.ledger()] == ["key"]
    assert gateway.books.stats.replayed == 1


def test_without_key_every_request_charges(gateway: Running) -> None:
    name = order("none", "none")
    assert gateway.charge(name) != gateway.charge(name)
    assert len(gateway.ledger()) == 2


@pytest.mark.parametrize("kind", ["cut", "stall"])
def test_lost_reply_charges_once_with_a_key_and_twice_without(
    gateway: Running, kind: FaultKind
) -> None:
    for start, key in ((0, "key"), (10_000, None)):
        name = order(kind, "none", start=start)
        with pytest.raises((OSError, HTTPException)):
            gateway.charge(name, key)
        assert gateway.charge(name, key)[0] == 201
    keys = [entry.key for entry in gateway.ledger()]
    assert keys == ["key", None, None]


def test_concurrent_requests_of_one_key_charge_once(gateway: Running) -> None:
    name = order(*["none"] * 6)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: gateway.charge(name, "key"), range(6)))
    assert len(set(answers)) == 1
    assert len(gateway.ledger()) == 1


def test_server_error_charges_nothing(gateway: Running) -> None:
    name = order("error", "none")
    assert gateway.charge(name, "key")[0] == 503
    assert gateway.ledger() == []
    assert gateway.charge(name, "key")[0] == 201


def test_declined_until_repaired_with_the_same_key(gateway: Running) -> None:
    expired, mine = order("none", "none"), order("none", "none", "none")
    gateway.ask("POST", "/cards/break", {"cards": ["tok_mine"]})
    assert gateway.charge(expired, "a", "tok_expired_1")[0] == 402
    assert gateway.charge(mine, "b", "tok_mine")[0] == 402
    assert gateway.ask("POST", "/cards/repair")[0] == 200
    assert gateway.charge(mine, "b", "tok_mine")[0] == 201
    assert [entry.key for entry in gateway.ledger()] == ["b"]


def test_a_cash_up_is_noted_once_for_its_key_and_counts_its_stretch(
    gateway: Running, tmp_path: Path
) -> None:
    gateway.charge(order("none"))
    all_of_it = {"since": None, "until": "2999-01-01T00:00:00+00:00"}
    for _ in range(2):
        assert gateway.ask("POST", "/cash-ups", all_of_it, "a") == (201, '{"charges":1}')
    later = {"since": "2998-01-01T00:00:00+00:00", "until": "2999-01-01T00:00:00+00:00"}
    assert gateway.ask("POST", "/cash-ups", later, "b") == (201, '{"charges":0}')
    assert gateway.ask("POST", "/cash-ups", later, "a")[0] == 422
    noted = read_cash_book((tmp_path / "cash-ups.jsonl").read_bytes())
    assert [one.since is None for one in noted] == [True, False]
    assert gateway.ask("GET", "/cash-ups")[1].count("2999") == gateway.books.stats.cash_ups == 2


def test_key_of_another_charge_is_refused(gateway: Running) -> None:
    name = order("none", "none")
    gateway.charge(name, "key")
    assert gateway.charge(name, "key", card="other")[0] == 422


def test_ledger_is_on_disk_before_the_reply(gateway: Running, tmp_path: Path) -> None:
    gateway.charge(order("none"), "key")
    assert '"key":"key"' in (tmp_path / "ledger.jsonl").read_text()


@pytest.mark.parametrize("body", [None, {"order": "A"}, [], "text"])
def test_bad_body_is_refused(gateway: Running, body: object) -> None:
    assert gateway.ask("POST", "/charges", body)[0] == 400


def test_connections_are_kept_alive(gateway: Running) -> None:
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=1)) as connection:
        for _ in range(3):
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b'{"ok":true}'
            socket = connection.sock
        assert connection.sock is socket
    assert gateway.ask("GET", "/nothing")[0] == 404


def test_faults_come_in_their_shares_and_repeat() -> None:
    kinds = [fault(1, f"SO-{number}", 1).kind for number in range(20_000)]
    for kind, share in (("error", ERRORS), ("stall", STALLS), ("cut", CUTS)):
        assert abs(kinds.count(kind) / len(kinds) - share) < 0.01
    assert kinds == [fault(1, f"SO-{number}", 1).kind for number in range(20_000)]
    assert kinds != [fault(2, f"SO-{number}", 1).kind for number in range(20_000)]
