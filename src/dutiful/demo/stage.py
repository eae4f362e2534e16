"""Setting the stage and clearing it: a temporary folder, a gateway, a store; gone at the end."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from dutiful.app import App
from dutiful.demo.crew import Crew
from dutiful.demo.desk import Desk
from dutiful.demo.failure import DemoFailed, DemoStopped
from dutiful.demo.picture import Picture, View
from dutiful.demo.props import load_module, shop_folder
from dutiful.demo.scene import Plan, Scene
from dutiful.demo.verdict import Verdict
from dutiful.demo.visitor import Visitor
from dutiful.demo.watch import Watch


def perform(plan: Plan, view: View, *, engine: str = "sqlite", keep: bool = False) -> Verdict:
    """Play the demo and show its verdict; whatever ends it, nothing is left running.

    Raises DemoFailed; DemoStopped after a signal; ServerMissing and ServerFailed about a server of
    its own. After Ctrl-C the KeyboardInterrupt says what is left behind.
    """
    folder = Path(tempfile.mkdtemp(prefix="dutiful-demo-"))
    folder.chmod(0o711)  # a server below it may be another user's
    try:
        with _store(engine, folder) as url:
            picture, verdict = asyncio.run(_perform(plan, view, folder, url))
        view.close()
        view.conclude(picture, verdict, folder if keep else None)
        return verdict
    except asyncio.CancelledError:
        raise DemoStopped("ended by a signal") from None
    except KeyboardInterrupt:
        left = f"what there is stays in {folder}" if keep else "nothing is left of it"
        raise KeyboardInterrupt(left) from None
    finally:
        view.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _store(engine: str, folder: Path) -> Generator[str]:
    """Give the URL of an empty store; a server for it runs as long as the block."""
    if engine == "sqlite":
        yield f"sqlite:///{quote(str(folder / 'jobs.db'))}"
        return
    from dutiful.servers.postgres import local_server

    with local_server(folder) as server:
        yield server.url()


async def _perform(plan: Plan, view: View, folder: Path, url: str) -> tuple[Picture, Verdict]:
    _end_on(signal.SIGTERM, signal.SIGHUP)
    seconds_max = 60 + len(plan.orders) // 25
    picture = Picture(len(plan.orders), plan.naive)
    crew = Crew(folder, shop_folder(), url, seconds_max + 30)
    app = App(url)
    watch = Watch(picture, Desk(app.store), crew, view)
    try:
        watch.tell(f"everything happens in {folder}")
        if not url.startswith("sqlite"):
            watch.tell(f"the jobs are in {url}, a server of the demo's own")
        async with app, asyncio.timeout(seconds_max):
            visitor = Visitor(await crew.gateway(folder / "ledger.jsonl", plan.seed))
            watch.visitor = visitor
            watch.tell(f"a gateway on {visitor.address}: slow, failing, losing replies")
            charge = load_module(plan.module).charge
            scene = Scene(plan, app, charge, visitor, watch)
            return picture, await scene.play()
    except TimeoutError:
        left = {state.word: number for state, number in picture.counts.items() if number}
        raise DemoFailed(f"not done after {seconds_max} s; jobs: {left}") from None
    finally:
        await crew.close()


def _end_on(*signals: signal.Signals) -> None:
    """End in good order when somebody asks by signal, as for Ctrl-C."""
    task = asyncio.current_task()
    if task is not None:
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
