"""Numbers and texts that nobody writes end in words, never in an unexpected error."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Place, Run

LONG = "9" * 5000


@pytest.mark.parametrize("url", ["sqlite:///jobs.db", "memory://"])
@pytest.mark.parametrize("cursor", [LONG, "9" * 19, "x", "²", "٣", "1_0", "+1", "1.5"])
def test_a_cursor_of_nobody_is_refused(place: Place, run: Run, url: str, cursor: str) -> None:
    said = run("jobs", "list", "--cursor", cursor, "--url", url)
    assert said.code in ((0, 2) if cursor == "9" * 19 else (2,)), said
    assert said.code == 0 or "pass on the cursor of the page before" in said.err


@pytest.mark.parametrize("spec", [".", ":", "shop", "shop:", ":app", ".shop:app", "..:app"])
def test_an_app_is_named_by_its_whole_module(place: Place, run: Run, spec: str) -> None:
    for words in (("jobs", "list", "--app", spec), ("worker", spec)):
        said = run(*words)
        assert said.code == 2, said
        assert "write it as MODULE:NAME" in said.err


@pytest.mark.parametrize("text", ['{"order_id": ' * 100_000, "[" * 100_000, "[1", "{" + LONG])
def test_arguments_that_are_no_json_are_refused(place: Place, run: Run, text: str) -> None:
    words = ("--every", "5m", "--app", "shop:app")
    said = run("schedules", "create", "nightly", "charge", *words, "--args", text)
    assert said.code == 2, said
    assert "is not JSON" in said.err
    assert len(said.err) < 500
