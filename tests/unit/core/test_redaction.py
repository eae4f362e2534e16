"""What is hidden of a job in texts that people read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dutiful.core.redaction import (
    MARKS,
    marks,
    masked_args,
    of_args,
    of_result,
    paths_of,
    secrets_of,
)
from dutiful.core.secret_texts import SECRETS_MAX, SHORTEST, Secrets, secrets
from dutiful.core.url import passwords

CUT = "\n... 812 characters left out ...\n"


def test_marks_are_read_as_they_were_written() -> None:
    paths = [("card",), ("items", "*", "pin"), ("return", "token")]
    assert set(paths_of(marks(paths))) == set(paths)
    assert marks([]) == {}
    assert paths_of({"other": "x"}) == ()


@pytest.mark.parametrize("mark", ["", "no JSON", "[1]", '"card"', "{}", "[" * 5_000])
def test_marks_that_cannot_be_read_hide_everything(mark: str) -> None:
    paths = paths_of({MARKS: mark})
    assert masked_args({"card": "4242", "n": 1}, of_args(paths)) == "***"
    assert "4242" not in secrets_of(b'{"card": "4242"}', {MARKS: mark}).hide("card 4242")


def test_arguments_that_are_no_object_are_hidden() -> None:
    assert masked_args("broken {4242", [("card",)]) == "***"
    assert "4242" not in secrets_of(b"broken {4242", marks([("card",)])).hide("at broken {4242")
    assert masked_args("whole", []) == "whole"


def test_paths_of_the_result_are_apart_from_those_of_arguments() -> None:
    paths = [("card",), ("return", "token"), ("return",)]
    assert of_args(paths) == (("card",),)
    assert of_result(paths) == (("token",), ())


def test_values_are_hidden_in_every_spelling() -> None:
    value = 'pa"ss\nwörd/%'
    hidden = secrets([value])
    for text in (value, repr(value), json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert "ss" not in hidden.hide(f"before {text} after")
    assert hidden.hide("pa%22ss%0Aw%C3%B6rd%2F%25") == "***"


def test_numbers_are_hidden_and_flags_are_not() -> None:
    args = b'{"pin": 123456, "on": true, "none": null, "short": 7}'
    hidden = secrets_of(args, marks([("pin",), ("on",), ("none",), ("short",)]))
    assert hidden.hide("pin 123456 is True, 7 times") == "pin *** is True, 7 times"
    assert hidden.hide_in({"a": [123456, 1], "b": "x123456"}) == {"a": ["***", 1], "b": "x***"}


def test_all_values_below_a_path_are_hidden() -> None:
    args = json.dumps({"card": {"number": "4242", "tries": [{"code": "9999"}]}}).encode()
    assert secrets_of(args, marks([("card",)])).hide("4242 or 9999") == "*** or ***"


def test_with_too_many_values_the_whole_text_is_hidden() -> None:
    args = json.dumps({"cards": [f"card-{n}" for n in range(SECRETS_MAX + 1)]}).encode()
    assert secrets_of(args, marks([("cards",)])).hide("nothing of it") == "***"


def test_a_repr_holds_no_secret() -> None:
    assert "hunter2" not in repr(secrets(["hunter2"]))


texts = st.text(min_size=SHORTEST, max_size=60)


@given(secret=texts, before=st.text(), after=st.text())
def test_a_value_is_never_left_in_a_text(secret: str, before: str, after: str) -> None:
    hidden = secrets([secret]).hide(f"{before}{secret}{after}")
    assert not [part for part in hidden.split("***") if secret in part]


@given(secret=st.text("abcdefgh0123", min_size=8, max_size=200), data=st.data())
def test_what_a_cut_leaves_of_a_value_is_hidden(secret: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(SHORTEST, len(secret) - 1))
    for left in (f"x {secret[:at]}{CUT}end", f"x{CUT}{secret[-at:]} end", f"x {secret[:at]}"):
        assert secrets([secret]).hide(left).replace(CUT, "").strip("x* end") == ""


@given(value=st.recursive(st.text(max_size=8), lambda inner: st.lists(inner, max_size=4)))
def test_nothing_to_hide_changes_nothing(value: object) -> None:
    assert Secrets().hide_in(value) == value


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (None, ()),
        ("sqlite:///jobs.db", ()),
        ("postgresql://me@db/shop", ()),
        ("postgresql://me:hunter2@db/shop", ("hunter2",)),
        ("postgresql://me:h%40nter2@db/shop", ("h%40nter2", "h@nter2")),
        ("postgresql://db/shop?sslmode=require&password=hunter2", ("hunter2",)),
        ("sqlite:////var/jobs.db?token=hunter2", ("hunter2",)),
    ],
)
def test_the_passwords_of_a_url(url: str | None, found: tuple[str, ...]) -> None:
    assert passwords(url) == found
