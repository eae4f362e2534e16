"""A password in a URL is never shown."""

import pytest

from dutiful.core.url import public
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///jobs.db", "sqlite:///jobs.db"),
        ("postgresql://me@db/shop?application_name=a@b", None),
        ("postgresql://me:hunter@db:5432/shop", "postgresql://me:***@db:5432/shop"),
        ("postgresql://me:hun@ter@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://me:hun/ter@db/shop", "postgresql://me:***@db/shop"),
        (
            "postgresql://db/shop?password=hunter&schema=a",
            "postgresql://db/shop?password=***&schema=a",
        ),
        ("postgresql://db?a=b&sslPassword=hunter", "postgresql://db?a=b&sslPassword=***"),
        ("postgresql://db?oauth_client_secret=hunter", "postgresql://db?oauth_client_secret=***"),
        ("postgresql://me:hun?ter2@db", "postgresql://me:***"),
        ("postgresql://db?password=hun#ter2", "postgresql://db?password=***"),
        ("postgresql://db?password=hun&ter2", "postgresql://db?password=***&***"),
        ("postgresql:/me:hunter2@db", "postgresql:***"),
        ("postgresql://me:hunter2/shop", "postgresql://me:***"),
        ("host=db password=hunter2", "***"),
        ("postgresql://me:hunter2@db1:1,[::1]:2/shop", "postgresql://me:***@db1:1,[::1]:2/shop"),
        (None, ""),
    ],
)
def test_what_may_be_shown(url: str | None, shown: str | None) -> None:
    assert public(url) == (url if shown is None else shown)


@pytest.mark.parametrize(
    "password", ["hunt@er", "hunt/er", "hunt?er", "hunt%er", "h@unt/e#r", "hunt%"]
)
def test_a_password_with_a_bare_sign_is_refused_unseen(run: Run, password: str) -> None:
    said = run("jobs", "list", "--url", f"postgresql://me:{password}@127.0.0.1:1/shop")
    assert said.code == 2
    assert "write @ as %40" in said.err
    assert "hunt" not in said.err
    assert "er@" not in said.err


def test_a_password_with_a_hash_is_one_for_libpq_and_stays_unseen(run: Run) -> None:
    said = run("jobs", "list", "--url", "postgresql://me:hunt#er@127.0.0.1:1/shop")
    assert said.code == 3
    assert "postgresql://me@127.0.0.1:1/shop" in said.err
    assert "hunt" not in said.err


def test_signs_that_are_escaped_are_none(run: Run) -> None:
    url = "postgresql://m%40e:h%2F%23%3F@127.0.0.1:1/shop?application_name=a@b"
    assert "127.0.0.1" in run("jobs", "list", "--url", url).err


def test_a_url_with_one_slash_is_told(run: Run) -> None:
    said = run("jobs", "list", "--url", "postgresql:/me:hunter@db/shop")
    assert (said.code, "two slashes" in said.err, "hunter" in said.err) == (2, True, False)


def test_screens_hide_a_password_of_the_query(run: Run, postgres_url: str) -> None:
    url = f"{postgres_url}&password=hunter"
    for words in (["migrate"], ["jobs", "list"], ["dead", "list"], ["workers", "list"]):
        said = run(*words, "--url", url)
        assert said.code == 0
        assert "hunter" not in said.out + said.err
    assert "password=***" in run("migrate", "--url", url).out


def test_no_repr_holds_a_password() -> None:
    from dutiful import App
    from dutiful.engines.postgres.connections.address import address_of
    from dutiful.worker.options import WorkerOptions
    from dutiful.worker.serve import Orders

    url = "postgresql://me:hunter2@db/shop?sslpassword=hunter2"
    app = App(url)
    orders = Orders("shop:app", url, WorkerOptions())
    shown = [app.settings, app.address, orders, address_of(url)]
    assert not [one for one in shown if "hunter2" in f"{one!r}{one}"]
    assert app.child_url() == url


def test_a_url_given_as_an_app_is_not_shown(run: Run) -> None:
    said = run("jobs", "list", "--app", "postgresql://me:hunter2@db/shop")
    assert (said.code, "--url" in said.err, "hunter2" in said.err) == (2, True, False)
