"""Settings come from the constructor, the environment and a file; what is wrong says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, BadConfiguration
from dutiful.config import load_settings


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_the_nearer_source_wins(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        '[tool.dutiful]\nurl = "memory://"\nlease = "20s"\nheartbeat = 5\ncrashes_max = 7\n',
    )
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    environ = {"DUTIFUL_LEASE": "40s", "DUTIFUL_URL": "sqlite:///env.db", "DUTIFUL_OTHER": "x"}
    found = load_settings(folder=below, environ=environ, lease=timedelta(minutes=1))
    assert (found.lease, found.heartbeat) == (60_000_000, 5_000_000)
    assert (found.url, found.crashes_max) == ("sqlite:///env.db", 7)
    assert load_settings("memory://", folder=below, environ=environ).url == "memory://"
    assert load_settings(folder=below, environ={}).url == "memory://"


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    found = load_settings(folder=tmp_path, environ={})
    assert found.url is None
    assert found.leases().deadline(0) == 8_000_000
    never = load_settings(folder=tmp_path, environ={"DUTIFUL_KEEP_SUCCEEDED": "never"})
    assert never.keep_succeeded is None


@pytest.mark.parametrize("text", ["not = toml = at all", "tool = 1", "[tool]\ndutiful = 1\n", ""])
def test_somebody_elses_file_does_not_matter(tmp_path: Path, text: str) -> None:
    assert load_settings(folder=project(tmp_path, text), environ={}).url is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"lese": "10s"}, "no setting is called 'lese'; did you mean lease?"),
        ({"lease": "soon"}, "lease='soon'.*length of time"),
        ({"lease": None}, "lease=None"),
        ({"lease": "2s", "heartbeat": "2s"}, "heartbeat must be at most half"),
        ({"crashes_max": "many"}, "crashes_max='many'"),
        ({"crashes_max": 0}, "crashes_max=0.*from 1 to 1,000,000"),
        ({"crashes_max": 2.5}, "crashes_max=2.5.*a whole number"),
        ({"crashes_max": True}, "crashes_max=True.*a whole number"),
        ({"crashes_max": None}, "crashes_max=None.*a whole number"),
        ({"crashes_max": "9" * 100_000}, "a whole number"),
        ({"crashes_max": "\u0663"}, "a whole number"),
        ({"payload_bytes_max": -1}, "from 1 to 268,435,456"),
        ({"payload_bytes_max": 2**40}, "from 1 to 268,435,456"),
        ({"lease": timedelta.max}, "lease=.*longer than a century"),
        ({"heartbeat": True}, "heartbeat=True.*not a length of time"),
        ({"keep_succeeded": 1e300}, "keep_succeeded=.*longer than a century"),
        ({"keep_dead": "999999999w"}, "keep_dead=.*longer than a century"),
        ({"keep_cancelled": -1}, "keep_cancelled=-1.*negative"),
        ({"unknown_task_after": float("nan")}, "unknown_task_after=nan.*not a length"),
        ({"name": "a\nb"}, "name='a.nb'.*one line"),
        ({"name": ""}, "name is empty"),
        ({"name": 5}, "name=5.*must be text"),
        ({"url": "sqlite:///a\0"}, "NUL"),
        ({"durability": "perhaps"}, "full or normal"),
        ({"url": 5}, "url=5.*text"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, given: dict[str, Any], text: str) -> None:
    with pytest.raises(BadConfiguration, match=text):
        load_settings(folder=tmp_path, environ={}, **given)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.dutiful]\ncrashes_max = 7\n[tool.dutiful]\n",
        "[tool.dutiful.alerts]\nqueue-age = 'off'\n[tool.dutiful.alerts]\ncooldown = '1m'\n",
        "[tool.dutiful]\ncrashes_max = \n",
    ],
)
def test_a_broken_file_with_settings_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"pyproject.toml cannot be read.*line \d"):
        load_settings(folder=project(tmp_path, text), environ={})


def test_the_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="the environment"):
        load_settings(folder=tmp_path, environ={"DUTIFUL_LEASE": "x"})
    with pytest.raises(BadConfiguration, match=r"\[tool.dutiful\] in .*pyproject.toml"):
        load_settings(folder=project(tmp_path, "[tool.dutiful]\nnope = 1\n"), environ={})


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("sqlit:///a.db", "did you mean sqlite"),
        ("oracle://a", "use one of"),
        ("jobs.db", "names no engine; write sqlite:///jobs.db"),
        ("mysql://a/b", r"no engine for mysql://; use"),
        ("postgresql://me:hunter@[::1/jobs", "cannot be read; write"),
        ("sqlite://jobs.db", "sqlite:///jobs.db for a file in this folder"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "memory://"),
    ],
)
def test_wrong_urls_say_what_to_write(url: str, text: str) -> None:
    with pytest.raises(BadConfiguration, match=text):
        _ = App(url).store


@pytest.mark.parametrize("url", ["memory://", "MEMORY:", " memory:", "Memory://x"])
def test_no_other_process_reaches_memory(url: str) -> None:
    assert App(url).store.name == "memory"
    assert App(url).child_url() is None


def test_an_app_without_a_store_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DUTIFUL_URL", raising=False)
    app = App()

    @app.task
    def note() -> None: ...

    with pytest.raises(BadConfiguration, match="DUTIFUL_URL"):
        note.enqueue()
    app.portal.close()


def test_an_app_may_be_pointed_elsewhere() -> None:
    app = App("memory://")
    first = app.store
    app.at("memory://")
    assert app.store is first
    app.at("sqlite:///other.db")
    assert app.store.name == "sqlite"
    assert app.address == "sqlite:///other.db"
    assert App("memory://").address is None
    assert App(engine=first.engine).address is None


SECRET = "whsec_" + "aHVudGVyMg" * 4


def test_sinks_are_read_from_everywhere(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        '[tool.dutiful]\ndead_man_every = "30s"\n'
        '[tool.dutiful.alerts_to]\nops = "slack://hunter2/b/c"\n',
    )
    found = load_settings(folder=folder, environ={})
    assert (found.alerts_to, found.dead_man_every) == ({"ops": "slack://hunter2/b/c"}, 30_000_000)
    environ = {
        "DUTIFUL_ALERTS_TO": "a=slack://hunter2/b\nb=webhook+https://h.example/hunter2\n",
        "DUTIFUL_ALERTS_SECRET": f"{SECRET}\n",
        "DUTIFUL_DEAD_MAN_URL": "https://hc.example/hunter2\n",
    }
    found = load_settings(folder=folder, environ=environ)
    assert found.alerts_to == {"a": "slack://hunter2/b", "b": "webhook+https://h.example/hunter2"}
    assert (found.alerts_secret, found.dead_man_url) == (SECRET, "https://hc.example/hunter2")
    shown = repr(found)
    assert "hunter2" not in shown
    assert SECRET not in shown
    assert "'a': 'slack://***', 'b': 'webhook+https://h.example/***'" in shown
    assert "dead_man_url='https://hc.example/***'" in shown
    nothing = load_settings(folder=tmp_path / "none", environ={})
    assert (nothing.alerts_to, nothing.alerts_secret, nothing.dead_man_url) == (
        {"ops": "slack://hunter2/b/c"},
        None,
        None,
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"alerts_to": {"ops": "hunter2"}}, r"alerts_to=\*\*\*: sink 'ops': its URL needs a sch"),
        ({"alerts_to": "slack://hunter2"}, "alerts_to=.*write NAME=URL"),
        ({"alerts_secret": "hunter2"}, "alerts_secret=.*a secret is whsec_"),
        ({"alerts_secret": "whsec_hunter2 "}, "alerts_secret=.*new_secret"),
        ({"alerts_secret": ["hunter2"]}, "alerts_secret=.*must be text"),
        ({"dead_man_url": "slack://hunter2"}, "dead_man_url=.*use a URL of http"),
        ({"dead_man_url": "https://me:hunter2@h"}, "dead_man_url=.*leave user and password out"),
        ({"dead_man_url": "https://h\n/hunter2"}, "dead_man_url="),
        ({"dead_man_every": "10ms"}, "dead_man_every='10ms': use 1s or more"),
        ({"dead_man_every": "https://h/hunter2"}, "dead_man_every="),
    ],
)
def test_wrong_settings_of_sinks_are_refused_unseen(given: dict[str, Any], why: str) -> None:
    with pytest.raises(BadConfiguration, match=why) as caught:
        load_settings(environ={}, **given)
    assert "hunter2" not in str(caught.value)
