"""What the code of the release before does, with a store that this release has migrated.

Run by that code's own package: it must not import anything of this one.
"""

import asyncio
import contextlib
import inspect
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from dutiful import App, Context, Retry

URL = os.environ["DUTIFUL_URL"]
app = App(URL)


@app.task(retry=Retry(max_attempts=2, backoff="fixed", delay="0s", jitter="none"))
async def flaky(ctx: Context) -> str:
    if ctx.attempt == 1:
        raise ValueError("not yet")
    return "at last"


@app.task(retry=Retry(max_attempts=1))
def broken() -> None:
    raise ValueError("never")


@app.task
def paid(ctx: Context) -> None:
    with ctx.transaction() as connection:
        connection.execute("INSERT INTO previous_ledger VALUES ('paid')")


def dutiful(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "dutiful", *words], check=True)


async def burst() -> None:
    await asyncio.to_thread(dutiful, "worker", "previous:app", "--burst")


def caller() -> contextlib.AbstractContextManager[Any]:
    if URL.startswith("sqlite"):
        return contextlib.closing(sqlite3.connect(URL.removeprefix("sqlite:///")))
    import psycopg

    return psycopg.connect(URL.partition("?")[0])


async def main() -> None:
    here = Path(inspect.getfile(App))
    assert here.is_relative_to(os.environ["PYTHONPATH"]), here
    await app.open()
    with caller() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS previous_ledger (line text)")
        connection.commit()
    handles = [await flaky.aenqueue(), await paid.aenqueue(), await broken.aenqueue()]
    with caller() as connection:
        handles.append(paid.using(connection=connection).enqueue())
        connection.commit()
    await burst()
    states = [await handle.astatus() for handle in handles]
    assert states == ["succeeded", "succeeded", "dead", "succeeded"], states
    assert await handles[0].aresult() == "at last"
    store = app.store
    dead = handles[2].id
    assert [error.type for error in await store.inspector.errors(dead)] == ["ValueError"]
    await asyncio.to_thread(dutiful, "dead", "redrive", dead)
    assert await handles[2].astatus() == "queued"
    await burst()
    assert await handles[2].astatus() == "dead"
    await app.close()


if __name__ == "__main__":
    asyncio.run(main())
