"""Cron expressions: those that are nasty on purpose, and any that chance may draw."""

from hypothesis import strategies as st

NASTY = [
    "* * * * *",
    "*/30 * * * *",
    "0 * * * *",
    "7 */2 * * *",
    "*/20 0-3 * * *",
    "30 1 * * *",
    "30 2 * * *",
    "0 0 * * *",
    "@daily",
    "@hourly",
    "0,15,30,45 0,1,2,3 * * *",
    "0 2,3 * * *",
    "59 23 * * *",
    "0 0-23 * * *",
    "5-55/10 1-2 * * SUN",
    "30 0 L * *",
    "30 2 LW * SUN#2",
    "0 3 * * SUNL",
    "1 1 1-31/2 * 5-7",
    "15 2 8-14 3,11 *",
]


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    term = st.one_of(value.map(str), value.map(str), span)
    steps = st.integers(1, high - 1)
    stepped = st.tuples(st.one_of(st.just("*"), span), steps).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    return st.one_of(
        st.just("*"),
        stepped,
        st.lists(st.one_of(term, stepped), min_size=1, max_size=3).map(",".join),
    )


DAYS = st.one_of(st.just("*"), st.just("*"), field(1, 28), st.sampled_from(["L", "LW", "1,LW"]))
WEEKDAYS = st.one_of(
    st.just("*"),
    st.just("*"),
    field(0, 6),
    st.sampled_from(["MON-FRI", "7", "SUN", "5L", "SUNL", "SUN#1", "0#5", "7#2,SAT"]),
)
# The hours at which clocks change, more often than the others.
HOURS = st.one_of(field(0, 23), field(0, 4), st.integers(0, 4).map(str))
MINUTES = st.one_of(field(0, 59), st.sampled_from(["0", "30", "*", "*/15"]))

five = st.tuples(MINUTES, HOURS, DAYS, st.just("*"), WEEKDAYS).map(" ".join)
six = st.tuples(field(0, 59), MINUTES, HOURS, DAYS, st.just("*"), WEEKDAYS).map(" ".join)
