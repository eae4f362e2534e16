"""A password in a URL never reaches what a command prints, nor the log of a worker."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dutiful import App, Retry
from tests.cli.conftest import Run
from tests.worker.support import burst

URLS = (
    "postgresql://me:{}@127.0.0.1:1/shop",
    "postgresql://127.0.0.1:1/shop?user=me&password={}",
    "postgresql://me:{}@127.0.0.1:1/shop?sslmode=verify-full&sslrootcert=/none",
    "postgresql://me:{}@127.0.0.1:port/shop",
    "postgresql://me:{}@[::1/shop",
    "sqlite:////none/jobs.db?password={}",
    "sqlite://me:{}@host/jobs.db",
    "mysql://me:{}@127.0.0.1/shop",
)
COMMANDS = (("jobs", "list"), ("dead", "list", "--json"), ("check",), ("copy", "sqlite:///a.db"))
# No letters that stand in the words of a message by chance: 8 of them at least.
passwords = st.text("qxzQXZ0189!$&'()*+,;=:@/?#[]% é", min_size=8, max_size=24).filter(
    lambda text: not text.isspace() and text.strip() == text
)


def shown(run: Run, words: tuple[str, ...], url: str) -> str:
    target = (url,) if words[0] == "copy" else ("--url", url)
    said = run(*words, *target)
    assert said.code != 0
    return said.out + said.err


@pytest.mark.parametrize("url", URLS)
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(password=passwords)
def test_no_command_prints_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, password: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUTIFUL_DEBUG", "1")  # with tracebacks
    for words in COMMANDS:
        full = url.format(quote(password, safe=""))
        text = shown(run, words, full)
        assert password not in text
        assert quote(password, safe="") not in text


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_line_of_a_worker_holds_it(tmp_path: Path, form: str) -> None:
    (tmp_path / "shop.py").write_text(
        "import logging\n"
        "from dutiful import App\n"
        "app = App(enqueue_patience='1s')\n"
        "logging.getLogger('shop').warning('imported')\n"
    )
    url = "postgresql://me:qxzz0189@127.0.0.1:1/shop?sslpassword=other%40qxz"
    env = {**os.environ, "DUTIFUL_URL": url}
    command = [sys.executable, "-m", "dutiful", "worker", "shop:app", "--log-format", form]
    with subprocess.Popen(
        [*command, "--log-level", "debug", "--grace", "0s"],
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        lines: list[str] = []
        for line in running.stderr:
            lines.append(line)
            if "the store cannot be used" in line:
                running.terminate()
                break
        lines += running.stderr
    text = "".join(lines)
    assert "store postgresql://me:***@127.0.0.1:1/shop?sslpassword=***" in text
    for secret in ("qxzz0189", "other@qxz", "other%40qxz"):
        assert secret not in text
    if form == "json":
        assert [json.loads(line) for line in lines if line.startswith("{")]


def test_a_job_that_fails_with_the_stores_url_is_stored_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = App(f"sqlite:///{tmp_path}/jobs.db")
    assert app.store  # made by the settings as they are; a sqlite URL has no password
    app.lazy.settings = replace(app.settings, url="postgresql://me:qxzz0189@db/shop")

    @app.task(retry=Retry(max_attempts=1))
    def connect() -> None:
        raise OSError("cannot connect to postgresql://me:qxzz0189@db/shop")

    async def go() -> str:
        handle = await connect.aenqueue()
        await burst(app)
        return repr(await app.store.inspector.errors(handle.id))

    found = asyncio.run(go())
    assert "me:***@db" in found
    assert "qxzz0189" not in found
