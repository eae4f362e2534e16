"""Wherever a secret may stand in a URL, nothing that is shown holds it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dutiful import App
from dutiful.config import load_settings
from dutiful.core.errors import BadConfiguration, DutifulError
from dutiful.core.url import public
from dutiful.engines.postgres.connections.address import address_of
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import Orders

WORD = "hunter2"
SIGNS = "/?#&@%:;= +'\"\\[]~!$,"
NO_HOST = "postgresql://me:{}/shop"
PLACES = (
    "postgresql://me:{}@db/shop",
    "postgres://me:{}@db:5432/shop?sslmode=require",
    "POSTGRESQL://me:{}@db",
    "postgresql://:{}@db/shop",
    "postgresql://me%3A{}@db/shop",
    "postgresql://me:x@db/shop?password={}",
    "postgresql://me@db/shop?application_name=a@b&password={}&sslmode=require",
    "postgresql://db:5432,db2:5433/shop?sslPassword={}&schema=jobs",
    "postgresql://db/shop?pass%77ord={}",
    "postgresql://?host=/run&oauth_client_secret={}",
    "postgresql://db/shop?sslmode=require;password={}",
    NO_HOST,
    "postgresql:/me:{}@db/shop",
    "postgresql:me:{}@db/shop",
    "postgresql+psycopg://me:{}@db/shop",
    "postgresql://host=db password={}",
    "mysql://me:{}@db/shop",
    "//me:{}@db/shop",
    "me:{}@db/shop",
    "host=db password={}",
    "password = '{}' host=db",
    "sqlite:////var/jobs.db?password={}",
    "sqlite://me:{}@db/shop",
)
ENDS = ("", "\n", "\r\n", " ", "\r", "\0", "\n\0", "\ud800")

# A bare sign may end a password, and what is behind it then looks like a part of its own. In front
# of the word stands no digit alone, which would be a port and leave the word a database.
secrets = st.builds(
    lambda before, sign, after: f"{before}{sign}{WORD}{after}",
    st.sampled_from(["", "hun", "a1"]),
    st.text(SIGNS, max_size=2),
    st.text(SIGNS + "ab1", max_size=4),
)


def told(url: str) -> list[str]:
    """Return all that is said and shown of a URL."""
    said = [public(url), repr(Orders("shop:app", url, WorkerOptions()))]
    for gather in (
        lambda: load_settings(url, environ={}),
        lambda: load_settings(environ={"DUTIFUL_URL": url}),
        lambda: App(url).settings,
        lambda: App(url).address,
        lambda: App(url).store,
        lambda: address_of(url),
        lambda: address_of(url).shown,
    ):
        try:
            said.append(repr(gather()))
        except DutifulError as error:
            said += traceback.format_exception(error)
            said.append(repr(error))
    return said


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Stand where no pyproject.toml is, which each look for settings would read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=25)
@given(secret=secrets, end=st.sampled_from(ENDS))
def test_no_message_holds_a_secret(place: str, secret: str, end: str) -> None:
    assume(place != NO_HOST or "@" not in secret)  # behind an @ it is the host
    url = place.format(secret) + end
    found = [one for one in told(url) if WORD in one]
    assert not found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:/hunter2", "a port is empty"),
        ("postgresql://me:/hunter2/shop", "/ as %2F"),
        ("postgresql://me:5/hunter2/shop", "/ as %2F"),
        ("postgresql://me:hun?hunter2=/shop", "part 1 of its query"),
        ("postgresql://db/shop?password=a&hunter2=b", "part 2 of its query"),
        ("postgresql://me:hunter2@db/shop?sslmod=require", "such as sslmode"),
        ("postgresql://me:hunter2%a1@db/shop", "escaped as UTF-8"),
        ("postgresql://me:hunter2@[::1/shop", "write postgresql://user"),
    ],
)
def test_a_url_that_postgresql_cannot_read_is_refused_without_it(url: str, said: str) -> None:
    with pytest.raises(BadConfiguration, match=said):
        address_of(url)
    assert not [one for one in told(url) if WORD in one]


def test_a_host_with_a_path_that_cannot_be_told_from_a_password_is_hidden() -> None:
    assert public("postgresql://me:/hunter2/shop") == "postgresql://me:***"
    assert public("postgresql://me:5/hunter2/shop") == "postgresql://me:***"
    assert public("postgresql://host=db password=hunter2:?@") == "postgresql://host:***"
    assert public("postgresql://db:5432/shop") == "postgresql://db:5432/shop"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db/shop?sslmode=require\n",
        "postgresql://me:hunter2@db/shop\r\n",
        " postgresql://me:hunter2@db/shop ",
    ],
)
def test_blanks_around_a_url_are_no_part_of_it(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DUTIFUL_URL", url)
    app = App()
    with caplog.at_level(logging.DEBUG):
        assert app.child_url() == url.strip()
        assert app.store
    assert WORD not in f"{app.settings!r}{app.address}{caplog.text}"


def test_a_url_in_the_place_of_another_setting_is_not_shown() -> None:
    for name in ("KEEP_DEAD", "CRASHES_MAX", "DURABILITY"):
        with pytest.raises(DutifulError, match=name.lower()) as caught:
            load_settings(environ={f"DUTIFUL_{name}": "postgresql://me:hunter2@db/shop"})
        assert WORD not in f"{caught.value}{caught.value.__cause__}"


def test_what_is_wrong_with_a_url_is_told_without_it() -> None:
    for url, said in {
        "postgresql://me:hunter2@db/shop\0": "holds a NUL",
        "postgresql://me:hunter2@db/\nshop": "use text of one line",
        "postgresql://me:hunter2@db/" + "x" * 4_000: "use at most 4,000",
    }.items():
        with pytest.raises(DutifulError, match=said) as caught:
            load_settings(environ={"DUTIFUL_URL": url})
        assert WORD not in str(caught.value)
        assert "url=***" in str(caught.value)
