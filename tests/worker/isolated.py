"""Tasks that would reach beyond their own job, for workers and children that can import them."""

from __future__ import annotations

import asyncio
import atexit
import decimal
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from dutiful import App, Context, Retry
from dutiful.core.errors import UsageError
from tests.worker.jobs import mark

app = App()
once = Retry(max_attempts=1)
TENANT: ContextVar[str] = ContextVar("tenant", default="none")
SET_AT_IMPORT: ContextVar[str] = ContextVar("set_at_import")
SET_AT_IMPORT.set("by the module")
POOL = ThreadPoolExecutor(2)


def _copy(how: str) -> None:
    """Do in a forked copy what ``how`` says."""
    mark(f"copy {os.getpid()}")
    match how:
        case "exit":
            sys.exit(7)
        case "raise":
            raise ValueError("in the copy")
        case "linger":
            time.sleep(60)


def _reap(pid: int, how: str) -> str:
    """Wait for a copy and say how it ended; the pid of one that lingers."""
    if how == "linger":
        return str(pid)
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


@app.task(cpu=True, retry=once)
def fork_in_child(how: str) -> str:
    if (pid := os.fork()) == 0:
        _copy(how)
        return "from the copy"
    return _reap(pid, how)


@app.task(retry=once)
async def wait_for_file(path: str) -> None:
    while not os.path.exists(path):  # noqa: ASYNC110, ASYNC240 - made by another process
        await asyncio.sleep(0.05)


@app.task(cpu=True, retry=once)
def wait_in_child(path: str) -> None:
    wait_for_file.enqueue(path).result()


@app.task(retry=once)
def fork_in_thread(how: str) -> str:
    if (pid := os.fork()) == 0:
        _copy(how)
        return "from the copy"
    return _reap(pid, how)


@app.task(retry=once)
async def fork_on_loop(how: str) -> str:
    if (pid := os.fork()) == 0:
        if how == "await":
            future: asyncio.Future[None] = asyncio.Future(loop=asyncio.new_event_loop())
            await future
        _copy(how)
        return "from the copy"
    return await asyncio.to_thread(_reap, pid, how)


@app.task(retry=once)
async def fork_in_a_callback() -> str:
    loop = asyncio.get_running_loop()
    forked: asyncio.Future[int] = loop.create_future()
    loop.call_soon(lambda: forked.set_result(os.fork()))
    return await asyncio.to_thread(_reap, await forked, "")


@app.task(retry=once)
async def fork_aside() -> str:
    pid = await asyncio.to_thread(os.fork)
    return await asyncio.to_thread(_reap, pid, "")


@app.task(retry=once)
def step_in_a_copy(ctx: Context) -> str:
    if (pid := os.fork()) == 0:
        try:
            ctx.step("never", lambda: 1)
        except UsageError as error:
            mark(f"{type(error).__name__}: {error}")
        os._exit(0)
    return _reap(pid, "")


@app.task(cpu=True, retry=once)
def die_and_leave_a_copy() -> None:
    if os.fork() == 0:
        mark(f"copy {os.getpid()}")
        time.sleep(60)
    os._exit(9)


@app.task(cpu=True, retry=once)
def signal_a_copy() -> str:
    heard, said = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(said, b"!")
        time.sleep(60)
    os.read(heard, 1)
    os.kill(pid, signal.SIGTERM)
    return _reap(pid, "")


@app.task(cpu=True, retry=once)
def end_a_program() -> int:
    program = subprocess.Popen(["sleep", "60"])
    program.terminate()
    return program.wait()


@app.task(cpu=True, retry=once)
def echo(number: int) -> int:
    return number


@app.task(name="see_on_loop", retry=once)
async def see_on_loop(tenant: str) -> list[str]:
    return _see(tenant)


@app.task(name="see_in_thread", retry=once)
def see_in_thread(tenant: str) -> list[str]:
    return _see(tenant)


@app.task(name="see_in_child", cpu=True, retry=once)
def see_in_child(tenant: str) -> list[str]:
    return _see(tenant)


def _see(tenant: str) -> list[str]:
    before = [TENANT.get(), SET_AT_IMPORT.get(), str(decimal.getcontext().prec)]
    TENANT.set(tenant)
    SET_AT_IMPORT.set(tenant)
    decimal.getcontext().prec = 5
    return before


@app.task(retry=once)
def leave_a_thread() -> None:
    threading.Thread(target=time.sleep, args=(120,), name="left-behind", daemon=False).start()
    POOL.submit(time.sleep, 0)
    atexit.register(mark, "atexit ran")


@app.task(retry=once)
def leave_a_pool() -> None:
    POOL.submit(time.sleep, 120)


@app.task(cpu=True, retry=once)
def leave_a_thread_in_a_child() -> int:
    threading.Thread(target=time.sleep, args=(120,), daemon=False).start()
    atexit.register(mark, "child atexit ran")
    return os.getpid()


@app.task(retry=once)
def close_what_tells_of_ends() -> int:
    """Close the descriptors on which the kernel tells the worker that its children have ended."""
    closed = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if "pidfd" in os.readlink(f"/proc/self/fd/{name}"):
                os.close(int(name))
                closed += 1
        except OSError:
            continue
    return closed


@app.task(retry=once)
def hang_at_exit() -> None:
    atexit.register(time.sleep, 120)


@app.task(retry=once)
async def ignore_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@app.task(retry=once)
def take_turns_each(seconds: float | None) -> float:
    if seconds is not None:
        sys.setswitchinterval(seconds)
    return sys.getswitchinterval()


@app.task(retry=once)
async def close_streams_and_stop_the_loop() -> list[str]:
    for number in (0, 1, 2):
        os.close(number)
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.1)
    return [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]


@app.task(retry=once)
async def cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(30)


@app.task(retry=once)
async def wait_in_a_group(name: str) -> int:
    """Wait with tasks of its own until a file is there."""
    mark(f"waits {name}")

    async def wait() -> int:
        while not os.path.exists(name):  # noqa: ASYNC110, ASYNC240 - a test's word in a file
            await asyncio.sleep(0.01)
        return 1

    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(wait()) for _ in range(3)]
    return sum(part.result() for part in parts)


@app.task(retry=once)
async def take_the_wakeup_descriptor() -> None:
    signal.set_wakeup_fd(-1)


@app.task(retry=once)
def break_hooks_of_threads() -> None:
    sys.excepthook = threading.excepthook = None


@app.task(retry=once)
def close_streams() -> None:
    sys.stdout.close()
    sys.stderr.close()


@app.task(retry=once)
async def shut_the_executor() -> None:
    await asyncio.get_running_loop().shutdown_default_executor()


@app.task(retry=once)
async def break_reports() -> None:
    """Take from logging the clock that it needs, and let the loop report an error."""
    real, time.time = time.time, cast(Any, lambda: None)
    try:
        asyncio.get_running_loop().call_soon(sys.exit)
        await asyncio.sleep(0.1)
    finally:
        time.time = real


@app.task(retry=once)
def end_the_process(code: int) -> None:
    os._exit(code)


@contextmanager
def _reported(ctx: Context) -> Iterator[None]:
    mark(f"enter {threading.current_thread().name} {os.getpid()}")
    if ctx.meta.get("break") == "enter":
        raise LookupError("cannot enter")
    try:
        yield
    finally:
        mark(f"leave {threading.current_thread().name} {os.getpid()}")
        if ctx.meta.get("break") == "exit":
            raise LookupError("cannot leave")


if os.environ.get("HOOKED"):
    app.around_call(_reported)


@app.task(cpu=True, retry=once)
def where_in_child() -> str:
    return f"{threading.current_thread().name} {os.getpid()}"
