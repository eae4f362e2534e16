"""A call of a server ends in time, whatever the server does."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable

import pytest

from dutiful.core.errors import NotSent
from dutiful.observe.http_call import call
from tests.observe.receiver import Behave, Receiver, drip, garbage, huge, never, status
from tests.until import until


async def failure(url: str, seconds: float = 5) -> NotSent:
    with pytest.raises(NotSent) as caught:
        await call(url, "POST", {"x-given": "yes"}, b"body", seconds)
    return caught.value


async def test_what_is_sent(receiver: Receiver) -> None:
    await call(f"{receiver.url}?a=b", "POST", {"x-given": "yes"}, b"body", 5)
    await call(f"{receiver.url}/c", "GET", {}, None, 5)
    first, second = receiver.got
    assert (first.method, first.path, first.body) == ("POST", "/?a=b", b"body")
    assert first.headers["x-given"] == "yes"
    assert (second.method, second.path, second.body) == ("GET", "/c", b"")


@pytest.mark.parametrize("behave", [never, drip])
async def test_a_receiver_that_does_not_answer(receiver: Receiver, behave: Behave) -> None:
    receiver.answers.append(behave)
    began = time.monotonic()
    error = await failure(receiver.url, 0.3)
    assert "no answer within 0.3 s" in str(error)
    assert not error.permanent
    assert time.monotonic() - began < 5
    # The connection is cut, so neither end keeps a thread.
    await until(lambda: receiver.ended == 1, 10)


async def test_the_loop_goes_on_meanwhile(receiver: Receiver) -> None:
    receiver.answers.append(never)
    under_way = asyncio.create_task(failure(receiver.url, 0.5))
    turns = 0
    while not under_way.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 10


async def test_a_cancelled_call_is_cut(receiver: Receiver) -> None:
    receiver.answers.append(never)
    under_way = asyncio.create_task(call(receiver.url, "GET", {}, None, 60))
    await until(lambda: receiver.got)
    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way
    await until(lambda: receiver.ended == 1, 10)


async def test_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = await failure(f"http://127.0.0.1:{port}/hidden")
    assert "refused" in str(error)
    assert not error.permanent
    assert "hidden" not in str(error)


async def test_a_host_that_does_not_exist() -> None:
    error = await failure("http://nowhere.invalid/hidden")
    assert not error.permanent
    assert "hidden" not in str(error)


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers.append(status(307, f"Location: {receiver.url}/elsewhere"))
    error = await failure(receiver.url)
    assert "redirects are not followed" in str(error)
    assert error.permanent
    assert len(receiver.got) == 1


async def test_a_huge_answer_is_not_read(receiver: Receiver) -> None:
    receiver.answers.append(huge)
    await call(receiver.url, "GET", {}, None, 20)
    await until(lambda: receiver.ended == 1, 10)
    assert receiver.sent < 50_000_000


async def test_an_answer_that_is_not_http(receiver: Receiver) -> None:
    receiver.answers.append(garbage)
    error = await failure(f"{receiver.url}/hidden")
    assert str(error) == "the answer is not HTTP"


async def test_a_server_without_tls(receiver: Receiver) -> None:
    error = await failure(receiver.url.replace("http:", "https:"), 5)
    assert not error.permanent


@pytest.mark.parametrize(
    ("number", "permanent"),
    [(200, None), (204, None), (400, True), (404, True), (408, False), (429, False), (503, False)],
)
async def test_statuses(receiver: Receiver, number: int, permanent: bool | None) -> None:
    receiver.answers.append(status(number, "Retry-After: 7"))
    if permanent is None:
        await call(receiver.url, "GET", {}, None, 5)
        return
    error = await failure(receiver.url)
    assert error.permanent is permanent
    assert error.after == (None if permanent else 7_000_000)


async def test_no_thread_is_left(receiver: Receiver) -> None:
    def calling() -> int:
        names: list[Callable[[], bool]] = [
            thread.is_alive for thread in threading.enumerate() if "beside" in thread.name
        ]
        return len(names)

    receiver.answers.extend([never] * 8)
    await asyncio.gather(*(failure(receiver.url, 0.2) for _ in range(8)))
    before = calling()
    for _ in range(8):  # the same threads serve again, since their calls have ended
        await call(receiver.url, "GET", {}, None, 5)
    assert calling() <= before
