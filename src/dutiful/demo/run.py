"""One whole run of the demo: a temporary folder, a gateway and a store, all gone at the end."""

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
from dutiful.demo.failure import DemoFailed, DemoStopped
from dutiful.demo.gateway_client import GatewayClient
from dutiful.demo.monitor import Monitor
from dutiful.demo.processes import Processes
from dutiful.demo.scenario import DemoPlan, Scenario
from dutiful.demo.shop import load_module, shop_folder
from dutiful.demo.shop_store import ShopStore
from dutiful.demo.status import DemoStatus, View
from dutiful.demo.verdict import Verdict


def run_demo(plan: DemoPlan, view: View, *, engine: str = "sqlite", keep: bool = False) -> Verdict:
    """Run the demo and show its verdict; whatever ends it, nothing is left running.

    Raises DemoFailed; DemoStopped after a signal; ServerMissing and ServerFailed about a server of
    its own. After Ctrl-C the KeyboardInterrupt says what is left behind.
    """
    folder = Path(tempfile.mkdtemp(prefix="dutiful-demo-"))
    folder.chmod(0o711)  # a server below it may be another user's
    try:
        with _store(engine, folder) as url:
            status, verdict = asyncio.run(_run(plan, view, folder, url))
        view.close()
        view.conclude(status, verdict, folder if keep else None)
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


async def _run(plan: DemoPlan, view: View, folder: Path, url: str) -> tuple[DemoStatus, Verdict]:
    _end_on(signal.SIGTERM, signal.SIGHUP)
    seconds_max = 60 + len(plan.orders) // 25
    status = DemoStatus(len(plan.orders), plan.naive)
    processes = Processes(folder, shop_folder(), url, seconds_max + 30)
    app = App(url)
    monitor = Monitor(status, ShopStore(app.store), processes, view)
    try:
        monitor.report(f"everything happens in {folder}")
        if not url.startswith("sqlite"):
            monitor.report(f"the jobs are in {url}, a server of the demo's own")
        async with app, asyncio.timeout(seconds_max):
            gateway = GatewayClient(
                await processes.start_gateway(folder / "ledger.jsonl", plan.seed)
            )
            monitor.gateway = gateway
            monitor.report(f"a gateway on {gateway.address}: slow, failing, losing replies")
            charge = load_module(plan.module).charge
            scenario = Scenario(plan, app, charge, gateway, monitor)
            return status, await scenario.run()
    except TimeoutError:
        left = {state.word: number for state, number in status.counts.items() if number}
        raise DemoFailed(f"not done after {seconds_max} s; jobs: {left}") from None
    finally:
        await processes.close()


def _end_on(*signals: signal.Signals) -> None:
    """End in good order on a signal, as on Ctrl-C."""
    task = asyncio.current_task()
    if task is not None:
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
