"""What is offered instead of an expression that is refused is itself taken."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dutiful.core.errors import BadSchedule
from dutiful.core.rule import Cron, fields

FIELDS = (fields.SECOND, fields.MINUTE, fields.HOUR, fields.DAY, fields.MONTH, fields.WEEKDAY)
OFFERS = (
    r"did you mean ([^\s?]+)\?",
    r"; write (\S+), or \S+ for one that wraps",
    r"; write \S+, or (\S+) for one that wraps",
    r"; write (\d+-\S+)$",
    r"the nearest is (\d+)$",
    r"only one value; write (\d+)",
    r"the last one is (\S+)$",
)
VALUES = st.integers(0, 70).map(str) | st.sampled_from(
    [*fields.MONTH.names, *fields.WEEKDAY.names, "L", "LW", "MONDAY", "7", "0", "?", "-1", "*"]
)
TERMS = st.one_of(
    VALUES,
    st.builds("{}-{}".format, VALUES, VALUES),
    st.builds("{}/{}".format, VALUES | st.builds("{}-{}".format, VALUES, VALUES), VALUES),
    st.builds("{}#{}".format, VALUES, VALUES | st.sampled_from(["", "L"])),
)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@given(text=st.lists(TERMS, min_size=1, max_size=2).map(",".join))
def test_what_is_offered_for_a_field_is_taken(field: fields.Field, text: str) -> None:
    try:
        fields.read(field, text)
    except BadSchedule as error:
        for offer in OFFERS:
            for offered in re.findall(offer, str(error)):
                fields.read(field, offered)
        return
    assume(False)


@pytest.mark.parametrize(
    ("text", "offered"),
    [("7-1", "0-1"), ("7-SAT", "0-SAT"), ("FRI-MON", "FRI-SAT,SUN-MON"), ("6-2", "6,0-2")],
)
def test_a_range_over_the_weekend_is_offered_as_one_that_is_taken(text: str, offered: str) -> None:
    with pytest.raises(BadSchedule, match=offered):
        fields.read(fields.WEEKDAY, text)
    fields.read(fields.WEEKDAY, offered)


@given(st.lists(TERMS | st.just("*"), min_size=4, max_size=7).map(" ".join))
def test_what_is_offered_for_an_expression_is_taken(text: str) -> None:
    try:
        Cron(text)
    except BadSchedule as error:
        for offered in re.findall(r'did you mean "([^"]+)"', str(error)):
            Cron(offered)
        return
    assume(False)
