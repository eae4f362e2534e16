"""A folder with an app that declares a schedule."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

MODULE = """
from dutiful import App, Context

app = App("sqlite:///jobs.db")


@app.cron("30 2 * * *", tz="Europe/Berlin", overlap="skip")
@app.task
def report(region: str = "eu") -> None: ...


@app.task
def tidy(count: int) -> None: ...
"""
AT = ("--app", "calendar_shop:app")


def declared(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str = MODULE) -> Path:
    """Write the app's module into a folder, go there, and declare as a worker does."""
    (folder / "calendar_shop.py").write_text(module)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.delitem(sys.modules, "calendar_shop", raising=False)
    asyncio.run(_declare())
    return folder


async def _declare() -> None:
    from calendar_shop import app  # type: ignore[import-not-found]  # the test writes it

    async with app:
        await app.schedules.declaration().bring(app.store)
