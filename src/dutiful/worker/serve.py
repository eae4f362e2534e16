"""Runs one worker in this process; `main` is what a supervisor's child calls."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from dutiful.core.errors import BadConfiguration, DutifulError, EngineError
from dutiful.core.event import Event, WorkerJoined
from dutiful.core.url import struct_text
from dutiful.observe.log import UNLOGGED

from . import forks
from .app_protocol import WorkerApp
from .isolation import contained
from .isolation.parent_death import set_parent_death_signal
from .isolation.places import remember
from .isolation.process_end import end_hung, end_on_signal, end_process, held_back, limit_end
from .isolation.search_path import add_project
from .isolation.standard import open_standard
from .isolation.steady_loop import SteadyLoop
from .last_words import LastWords
from .logs import name_worker, show_logs
from .metrics_report import MetricsReporter
from .options import WorkerOptions
from .owned_task import OwnedTask
from .service_notifier import ServiceNotifier
from .signals import dump_on_usr1, on_stop
from .unserved import UnservedQueues
from .watchdog import ProcessOwner
from .worker import Worker

EXIT_STOPPED = 0
EXIT_BROKEN = 1
EXIT_USAGE = 2
EXIT_STORE = 3
EXIT_REFUSED = 78
"""The exit code of a supervisor's child for wrong usage (EX_CONFIG of sysexits): a restart would
not help. It is not 2, because a task may end the process that runs it with 2."""
EXIT_HUNG = 79
"""A worker whose loop hangs, or that settles nothing, ends with this to be started again."""
EXIT_DRAINED = 80
"""A supervisor's child that an order has drained ends with this: it is not to be replaced."""
EXIT_RECYCLE = 75
"""The exit code for a restart without delay by the supervisor (EX_TEMPFAIL of sysexits)."""

_POOL = "dutiful-pool"

ORDERS = "DUTIFUL_ORDERS"


class Orders(msgspec.Struct, frozen=True):
    """What a supervisor asks its child to do."""

    app: str
    url: str | None
    options: WorkerOptions
    words: int | None = None
    """The descriptor on which the child reports that it serves, and how it ends."""
    metrics: int | None = None
    """The descriptor on which the child reports its metrics."""
    process: str = "1"
    """What the child is called in these."""
    log_level: str | None = None
    log_format: str | None = None

    def __repr__(self) -> str:
        """Show the orders without the password."""
        return struct_text(self, self.__struct_fields__, "url")


class _Pool(ThreadPoolExecutor):
    """The loop's default threads, for ``asyncio.to_thread``; a forked copy ends after its call."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(forks.guarded, call, *args, **kwargs)


def serve(
    app: WorkerApp,
    options: WorkerOptions,
    words: LastWords | None = None,
    *,
    report: Callable[[], None] = lambda: None,
) -> int:
    """Run a worker until it stops and return the exit code of its process.

    If a task's thread that cannot be stopped still runs, this does not return but ends the process.
    ``words`` report to a supervisor what an exit code cannot say; ``report`` is called at the end.
    """
    supervised, words = words is not None, words or LastWords()
    manager = ServiceNotifier()
    worker = Worker(app, options, owner=_owner(words, manager))
    app.bus.subscribe(manager.heard, ignores=UNLOGGED)
    app.bus.subscribe(lambda event: _joined(event, words), ignores=UNLOGGED)
    _freeze()

    async def main() -> int:
        await _open_spare()
        on_stop(worker.stop)
        dump_on_usr1()
        pool = _Pool(thread_name_prefix=_POOL)
        asyncio.get_running_loop().set_default_executor(pool)
        unserved = UnservedQueues(app)
        try:
            ending = await worker.run()
        except EngineError:
            raise
        except Exception:
            if not worker.began:
                raise
            return _broken()
        finally:
            await unserved.close()
            report()
        pool.shutdown(wait=False, cancel_futures=True)
        if supervised and worker.condition.drained:
            return EXIT_DRAINED
        return EXIT_RECYCLE if ending == "recycled" else EXIT_STOPPED

    pid, loop = os.getpid(), new_loop()
    asyncio.set_event_loop(loop)
    try:
        contained.contain(loop)
        code = contained.run(loop, OwnedTask(main(), loop=loop))
    except BaseException as error:
        if forks.copied(pid):
            forks.leave(error)
        contained.close(loop)
        # The caller reports the error. After that, threads that jobs left must not keep the process
        # alive.
        limit_end(words.ends(EXIT_STORE if isinstance(error, EngineError) else EXIT_BROKEN))
        raise
    with held_back():  # closing the loop resets the signal handlers
        clean = contained.close(loop)
        end_on_signal(words.ends(code))
    return end_process(code, clean=worker.clean and clean)


def _freeze() -> None:
    """Keep the garbage collector from visiting what is loaded, which stays."""
    gc.collect()
    gc.freeze()


def _broken() -> int:
    """Log the error that is being handled; return the exit code of a worker that broke."""
    with suppress(Exception):
        text = "the worker failed unexpectedly; its jobs will be rescued"
        logging.getLogger("dutiful").exception(text)
    return EXIT_BROKEN


def _owner(words: LastWords, manager: ServiceNotifier) -> ProcessOwner:
    """Return what ends this process when its worker hangs, and speaks to a service manager."""

    def end() -> None:
        end_hung(words.ends(EXIT_HUNG))

    if manager.every is None:
        return ProcessOwner(end=end)
    return ProcessOwner(end=end, looked=manager.looked, every=manager.every)


def _joined(event: Event, words: LastWords) -> None:
    """Name a worker in the lines that follow, and report to the supervisor that it serves."""
    if type(event) is WorkerJoined:
        name_worker(event.worker)
        words.serves()


async def _open_spare() -> None:
    """Open a stream, so that the loop opens its spare descriptor before any job can run.

    libuv opens a spare descriptor with the first stream. If a task had closed a standard stream by
    then, the spare one would get its number, and libuv aborts the process when it has to close a
    standard descriptor.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        _, writer = await asyncio.open_connection(sock=ours)
        writer.close()
        await writer.wait_closed()


def new_loop() -> asyncio.AbstractEventLoop:
    """Make the loop that runs jobs: uvloop's if that is installed."""
    try:
        import uvloop
    except ImportError:
        return SteadyLoop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def load(target: str) -> Any:
    """Import ``module:attribute``, with the current folder on the path."""
    module, colon, attribute = target.partition(":")
    if not colon or not module or not attribute:
        raise BadConfiguration(f"app {target!r}; write module:attribute, such as shop.jobs:app")
    with suppress(OSError):  # the folder has been removed; the module may be elsewhere
        add_project(str(Path.cwd()))
    found: Any = importlib.import_module(module)
    for name in attribute.split("."):
        found = getattr(found, name)
    if hasattr(found, "tasks"):
        remember(found, target)
    return found


def _die_with_supervisor() -> None:
    """Drain when the supervisor dies, if the kernel can report that."""
    set_parent_death_signal(signal.SIGTERM)
    given = sys.argv[1:] if sys.platform == "linux" else []
    if given and os.getppid() != int(given[0]):  # it died before the kernel was asked
        sys.exit(EXIT_STOPPED)


def main() -> int:
    """Serve as a supervisor's child; the orders are JSON in an environment variable."""
    _die_with_supervisor()
    open_standard()
    orders = msgspec.json.decode(os.environ.pop(ORDERS), type=Orders)
    words = LastWords(orders.words)
    level, form = orders.log_level, orders.log_format
    try:
        try:
            app = load(orders.app)
        except DutifulError:
            raise
        except (Exception, SystemExit):
            show_logs(None, level, form)
            logging.getLogger("dutiful").exception("app %s cannot be imported", orders.app)
            return words.ends(EXIT_REFUSED)
        if orders.url is not None:
            app.at(orders.url)
        show_logs(app.settings, level, form)
        if orders.metrics is None:
            return serve(app, orders.options, words)
        reporter = MetricsReporter(app.metrics, orders.metrics, orders.process)
        return serve(app, orders.options, words, report=reporter.report)
    except EngineError as error:
        show_logs(None, level, form)
        logging.getLogger("dutiful").error("%s", error)
        return words.ends(EXIT_STORE)
    except DutifulError as error:
        show_logs(None, level, form)
        logging.getLogger("dutiful").error("%s", error)
        return words.ends(EXIT_REFUSED)


if __name__ == "__main__":
    sys.exit(main())
