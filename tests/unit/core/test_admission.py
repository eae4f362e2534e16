"""What a job must satisfy before a store takes it in."""

from typing import Any, cast

import pytest
from msgspec.structs import replace

from dutiful.core.admission import admit, admitted
from dutiful.core.errors import BadOption, PayloadTooLarge
from dutiful.core.instant import SPAN_MAX
from dutiful.core.job import NewJob
from dutiful.core.unique import Unique

JOB = NewJob(id="j", task="charge", args=b"{}")


def test_a_job_within_the_bounds_is_returned_as_it_is() -> None:
    job = replace(
        JOB,
        id="i" * 200,
        task="shop.orders:charge()",
        queue="q" * 100,
        priority=-100,
        max_attempts=2**31 - 1,
        delay=SPAN_MAX,
        run_at=0,
        expires_in=SPAN_MAX,
        unique=Unique("k" * 2000, period=SPAN_MAX),
        tags=("t" * 200,) * 100,
        meta={"": "two\nlines"},
        args='{"größe":1}'.encode(),
    )
    assert admitted(job) is job


WRONG = [
    ({"id": ""}, "job id is empty"),
    ({"id": "a\nb"}, "job id .* holds"),
    ({"id": "i" * 201}, "use at most 200"),
    ({"id": 5}, "job id 5 must be text"),
    ({"id": "\ud800"}, "half of a character"),
    ({"task": "a\x1b[31m"}, "task name .* holds"),
    ({"task": None}, "task name None"),
    ({"queue": "a b"}, "queue name"),
    ({"queue": None}, "queue name None"),
    ({"priority": 101}, "priority=101"),
    ({"priority": 1.0}, "priority=1.0"),
    ({"max_attempts": 0}, "max_attempts=0"),
    ({"max_attempts": 2**31}, "max_attempts=2147483648"),
    ({"delay": -1}, "delay=-1"),
    ({"delay": SPAN_MAX + 1}, "use 0 to a century"),
    ({"delay": 1.5}, "delay=1.5; a job holds whole microseconds"),
    ({"expires_in": 2**63}, "use 0 to a century"),
    ({"run_at": 2**62}, "is out of range"),
    ({"run_at": -(2**62)}, "is out of range"),
    ({"run_at": True}, "run_at=True"),
    ({"unique": "k"}, "not a unique rule"),
    ({"unique": Unique("")}, "not empty"),
    ({"unique": Unique("a\x1fb")}, "separates periods"),
    ({"unique": Unique("a", period=0)}, "longer than zero"),
    ({"unique": Unique("a", period=SPAN_MAX + 1)}, "longer than a century"),
    ({"unique": Unique("a", states=1 << 20)}, "every live state"),
    ({"unique": Unique("a", on_conflict=cast(Any, "no"))}, "on_conflict='no'"),
    ({"tags": ("a", None)}, "tag None must be a string"),
    ({"tags": "a"}, "give a list"),
    ({"meta": {"trace": 123}}, "must be a string"),
    ({"meta": [1]}, "give a dict"),
    ({"meta": None}, "give a dict"),
    ({"meta": {"a": "b\0"}}, "holds a NUL"),
    ({"args": "{}"}, "give JSON as bytes"),
    ({"args": b"[1]"}, "give an object"),
    ({"args": b"{"}, "are not JSON"),
    ({"args": b"1}"}, "are not JSON"),
    ({"args": b""}, "are not JSON"),
    ({"args": b'{"a":' * 70 + b"1" + b"}" * 70}, "nested deeper than 64 levels"),
    ({"args": b'{"a":' * 3000 + b"1" + b"}" * 3000}, "are not JSON|nested"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=range(len(WRONG)))
def test_a_job_out_of_bounds_names_its_field(fields: dict[str, Any], message: str) -> None:
    wrong = replace(JOB, **fields)
    with pytest.raises(BadOption, match=message):
        admitted(wrong)
    with pytest.raises(BadOption, match=message):
        admit([wrong])


@pytest.mark.parametrize(("fields", "message"), WRONG[:-2], ids=range(len(WRONG) - 2))
def test_a_batch_shows_the_job_that_is_out_of_bounds(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        admit([JOB, JOB, replace(JOB, **fields)])


@pytest.mark.parametrize("wrong", [None, 5, "job", {}, object()])
def test_what_is_no_job_is_refused(wrong: Any) -> None:
    with pytest.raises(BadOption, match=r"is not a job; build one with task.job"):
        admit([JOB, wrong])


def test_large_arguments_are_refused() -> None:
    job = replace(JOB, args=b'{"a":"' + b"x" * 100 + b'"}')
    assert admitted(job, bytes_max=200) is job
    with pytest.raises(PayloadTooLarge):
        admitted(job, bytes_max=100)
