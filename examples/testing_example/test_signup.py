"""Tests of code that enqueues: nothing is stored on disk, and no time is spent waiting."""

from collections.abc import Iterator

import pytest
import signup

from dutiful import JobFailed
from dutiful.testing import Harness, harness


@pytest.fixture
def jobs() -> Iterator[Harness]:
    signup.sent.clear()
    with harness(signup.app) as held:
        yield held


def test_signing_up_sends_a_mail(jobs: Harness) -> None:
    signup.sign_up("ada@example.org")
    jobs.assert_enqueued(signup.send_welcome, "ada@example.org")
    assert signup.sent == []  # nothing runs before `run_due`
    jobs.run_due()
    assert signup.sent == ["ada@example.org"]


def test_a_failed_mail_is_tried_again(jobs: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    signup.sign_up("ada@example.org")
    monkeypatch.setattr(signup, "down", True)
    jobs.run_due()
    [job] = jobs.jobs(signup.send_welcome)
    assert job.state.word == "scheduled"
    monkeypatch.setattr(signup, "down", False)
    jobs.run_due(until="1m")
    assert signup.sent == ["ada@example.org"]


def test_a_mail_that_never_goes_out_is_a_dead_letter(
    jobs: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signup, "down", True)
    signup.sign_up("ada@example.org")
    with pytest.raises(JobFailed, match="mail server is down"):
        jobs.run_due(until="1h")
    assert [died.reason for died in jobs.died] == ["attempts-spent"]
