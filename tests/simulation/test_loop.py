"""The loop and its processes do what the simulation rests on."""

import asyncio
import random

import pytest

from tests.simulation.loop import NODE, Life, Node, SimLoop, Stalled


def run(loop: SimLoop, main: asyncio.Task[None]) -> None:
    loop.run(main, 10_000)
    main.result()


@pytest.fixture
def loop() -> SimLoop:
    return SimLoop(random.Random(1))


def test_time_is_virtual_and_steps_keep_their_order(loop: SimLoop) -> None:
    seen: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append(f"{name} at {loop.time():g}")

    async def main() -> None:
        async with asyncio.timeout(86_401):
            await asyncio.gather(sleeper("b", 86_400), sleeper("a", 1), sleeper("c", 1))

    run(loop, loop.create_task(main()))
    assert seen == ["a at 1", "c at 1", "b at 86400"]


def test_nothing_left_to_do_is_an_error(loop: SimLoop) -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stalled):
        run(loop, loop.create_task(main()))
    loop.close()


def in_node(loop: SimLoop, node: Node, seen: list[str]) -> asyncio.Task[None]:
    async def body() -> None:
        try:
            for number in range(5):
                await asyncio.sleep(1)
                seen.append(f"{number} at {loop.time():g}")
        finally:
            seen.append("finally")

    async def started() -> asyncio.Task[None]:
        NODE.set(node)
        return loop.create_task(body())

    task = loop.create_task(started())
    loop.run(task, 100)
    return task.result()


def test_a_killed_process_runs_no_finally_block(loop: SimLoop) -> None:
    node, seen = Node("n"), list[str]()
    in_node(loop, node, seen)

    async def main() -> None:
        await asyncio.sleep(2.5)
        node.life = Life.DEAD
        await asyncio.sleep(10)

    run(loop, loop.create_task(main()))
    assert seen == ["0 at 1", "1 at 2"]
    loop.close()


def test_a_frozen_process_goes_on_where_it_stood(loop: SimLoop) -> None:
    node, seen = Node("n"), list[str]()
    in_node(loop, node, seen)

    async def main() -> None:
        await asyncio.sleep(2.5)
        node.life = Life.FROZEN
        await asyncio.sleep(10)
        loop.thaw(node)
        await asyncio.sleep(10)

    run(loop, loop.create_task(main()))
    assert seen == ["0 at 1", "1 at 2", "2 at 12.5", "3 at 13.5", "4 at 14.5", "finally"]


def test_a_fuse_kills_between_two_steps(loop: SimLoop) -> None:
    node, seen = Node("n"), list[str]()
    in_node(loop, node, seen)

    async def main() -> None:
        node.fuse = 6
        node.on_fuse = lambda: setattr(node, "life", Life.DEAD)
        await asyncio.sleep(10)

    run(loop, loop.create_task(main()))
    assert seen == ["0 at 1", "1 at 2"]
    loop.close()


def test_blocking_calls_are_steps_of_the_loop(loop: SimLoop) -> None:
    async def main() -> None:
        assert await asyncio.to_thread(lambda: 42) == 42
        assert loop.time() > 0
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)

    run(loop, loop.create_task(main()))
