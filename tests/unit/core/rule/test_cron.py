"""Cron expressions: what they plan on ordinary days, and what is said of those that are wrong."""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import instant, moment
from dutiful.core.rule import Cron, Dst, after, before_or_at, between, read_rule, write_rule


def plan(rule: Cron, start: str, count: int) -> list[str]:
    found = between(rule, instant(datetime.fromisoformat(start)), 2**62, count)
    return [moment(at).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00") for at in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 9 * * *", ["2026-07-01 09:30", "2026-07-02 09:30"]),
        ("*/20 * * * *", ["2026-07-01 00:20", "2026-07-01 00:40"]),
        ("5/20 * * * *", ["2026-07-01 00:05", "2026-07-01 00:25"]),
        ("*/20 * * * * *", ["2026-07-01 00:00:20", "2026-07-01 00:00:40"]),
        ("10,30 5 9 * * *", ["2026-07-01 09:05:10", "2026-07-01 09:05:30"]),
        ("0 9 * * MON-FRI", ["2026-07-01 09:00", "2026-07-02 09:00"]),
        ("0 9 * * sat,sun", ["2026-07-04 09:00", "2026-07-05 09:00"]),
        ("0 9 * * SAT-SUN", ["2026-07-04 09:00", "2026-07-05 09:00"]),
        ("0 9 * * SUN-MON", ["2026-07-05 09:00", "2026-07-06 09:00"]),
        ("0 9 * * 7", ["2026-07-05 09:00", "2026-07-12 09:00"]),
        ("0 9 1 JAN,oct *", ["2026-10-01 09:00", "2027-01-01 09:00"]),
        ("0 9 L * *", ["2026-07-31 09:00", "2026-08-31 09:00"]),
        ("0 9 LW * *", ["2026-07-31 09:00", "2026-08-31 09:00"]),
        ("0 9 LW 2,5 *", ["2027-02-26 09:00", "2027-05-31 09:00"]),
        ("0 9 1,L 8 *", ["2026-08-01 09:00", "2026-08-31 09:00"]),
        ("0 9 * * FRI#1", ["2026-07-03 09:00", "2026-08-07 09:00"]),
        ("0 9 * * 5#5", ["2026-07-31 09:00", "2026-10-30 09:00"]),
        ("0 9 * * FRIL", ["2026-07-31 09:00", "2026-08-28 09:00"]),
        ("0 9 * * SATL", ["2026-07-25 09:00", "2026-08-29 09:00"]),
        ("0 9 * * 7L", ["2026-07-26 09:00", "2026-08-30 09:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 13 * FRI", ["2026-07-03 00:00", "2026-07-10 00:00"]),
        ("0 0 1-7 * */7", ["2026-07-05 00:00", "2026-08-02 00:00"]),
        ("@yearly", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("@Monthly", ["2026-08-01 00:00", "2026-09-01 00:00"]),
        ("@weekly", ["2026-07-05 00:00", "2026-07-12 00:00"]),
        ("@daily", ["2026-07-02 00:00", "2026-07-03 00:00"]),
        ("@hourly", ["2026-07-01 01:00", "2026-07-01 02:00"]),
    ],
)
def test_an_expression_plans(expression: str, expected: list[str]) -> None:
    assert plan(Cron(expression), "2026-07-01T00:00:00Z", 2) == expected


def test_a_zone_has_its_own_hours() -> None:
    rule = Cron("0 9 * * *", "Asia/Kolkata")
    assert plan(rule, "2026-07-01T00:00:00Z", 1) == ["2026-07-01 03:30"]


def test_the_rarest_date_is_found_in_both_directions() -> None:
    rule = Cron("0 0 29 2 */7")
    assert plan(rule, "2088-03-01T00:00:00Z", 1) == ["2128-02-29 00:00"]
    last = before_or_at(rule, instant(datetime.fromisoformat("2128-02-28T00:00:00Z")))
    assert last == instant(datetime.fromisoformat("2088-02-29T00:00:00Z"))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("60 * * * *", "minute 60 is out of range 0-59; the full hour is minute 0"),
        ("99 * * * *", "minute 99 is out of range 0-59; the nearest is 59"),
        ("0 24 * * *", "hour 24 is out of range 0-23; midnight is hour 0"),
        ("0 0 0 * *", "day of month 0 is out of range 1-31; the nearest is 1"),
        ("0 0 32 * *", "day of month 32 is out of range 1-31; the last day of a month is L"),
        ("0 0 1 13 *", "month 13 is out of range 1-12; the nearest is 12"),
        ("0 0 * * 8", "day of week 8 is out of range 0-7; Sunday is 0 or 7"),
        ("60 0 0 * * *", "second 60 is out of range 0-59; the full minute is second 0"),
        ("1-60 * * * *", "minute 60 in '1-60' is out of range 0-59; the full hour is minute 0"),
        ("* * * * MOM", "day of week 'MOM' is not a value in the range 0-7 or SUN-SAT"),
        ("* * * * MOM", "did you mean MON?"),
        ("* * * * THURSDAY", "did you mean THU?"),
        ("* * * JNA *", "month 'JNA' is not a value in the range 1-12 or JAN-DEC"),
        ("MON * * * *", "names of days belong in the day of week"),
        ("* JAN * * *", "names of months belong in the month"),
        ("0 0 ? * MON", "day of month '?' is not a value in the range 1-31; write * for any"),
        ("-5 * * * *", "a value"),
        ("x * * * *", "write 0-59, *, a list, a range or a step such as */5"),
        ("0 0 * * L", "the last Friday of a month is FRIL"),
        ("0 0 W * *", "the last weekday of a month is LW"),
        ("0 0 * * FRI#6", "which of the month, 1-5; the last one is FRIL"),
        ("0 0 * * FRI#0", "the number after # is which of the month, 1-5"),
        ("*/0 * * * *", "minute '*/0': step 0 is out of range 1-59; did you mean *?"),
        (
            "*/90 * * * *",
            "would leave only one value; write 0; for a longer rhythm use an interval",
        ),
        ("*/x * * * *", "minute '*/X': the step after / is a number from 1 to 59"),
        ("*/ * * * *", "minute '*/': the step after / is a number from 1 to 59"),
        ("5-1 * * * *", "minute '5-1' runs backwards; write 1-5, or 5-59,0-1 for one that wraps"),
        ("0 0 * * FRI-MON", "write MON-FRI, or FRI-SAT,SUN-MON for one that wraps"),
        ("0 22-0 * * *", "hour '22-0' runs backwards; write 0-22, or 22-23,0 for one that wraps"),
        ("0 7-3 * * *", "hour '7-3' runs backwards; write 3-7, or 7-23,0-3 for one that wraps"),
        ("0 0 * * 7-3", "day of week '7-3' runs backwards; write 0-3"),
        ("1,,2 * * * *", "minute '1,,2' has an empty place in its list"),
        ("0 9 * *", 'second first; did you mean "0 9 * * *"?'),
        ("0 0 1 1 * 2026", "there is no field for the year, and of six the first is the second"),
        ("0 0 9 * * * 2026", 'no field for the year: did you mean "0 0 9 * * *"?'),
        ("", "0 fields; write 5 (minute, hour, day of month, month, day of week) or 6"),
        ("now", "1 field; write 5"),
        ("0 0 30 2 *", "this date never comes; no month of those named has that day"),
        ("0 0 31 4,6,9,11 *", "this date never comes"),
        ("@daily extra", "@daily must stand alone; remove 'extra'"),
        ("@Hourly 5 *", "@hourly must stand alone; remove '5 *'"),
        ("@dayly", "@dayly is not known; did you mean @daily?"),
        ("@never", "@never is not known; there are @yearly, "),
        ("@reboot", "@reboot is not a time; a schedule has times; run what belongs to a start"),
        ("@every 5m", '@every is not a time; use an interval: every="10m"'),
        ("٣ * * * *", "minute '٣' is not a value"),
    ],
)
def test_what_is_wrong_is_named(expression: str, text: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        Cron(expression)
    assert text in str(caught.value)
    assert str(caught.value).startswith(f'cron "{expression}": ')


@pytest.mark.parametrize("expression", ["0 0 30 2 MON", "0 0 31 * *", "0 0 29 2 1-5"])
def test_a_date_that_comes_is_not_refused(expression: str) -> None:
    assert after(Cron(expression), 0) is not None


def test_fixed_means_that_minute_and_hour_are_named() -> None:
    assert Cron("30 1 * * *").fixed
    assert Cron("0,30 1-3 * * *").fixed
    assert Cron("*/10 30 1 * * *").fixed
    assert not Cron("*/30 1 * * *").fixed
    assert not Cron("30 * * * *").fixed
    assert not Cron("30 */2 * * *").fixed
    assert not Cron("@hourly").fixed
    assert Cron("@daily").fixed


@pytest.mark.parametrize(
    "rule",
    [Cron("@daily"), Cron("0 9 * * *", "Europe/Berlin", Dst("skip", "both"))],
)
def test_a_rule_is_plain_data(rule: Cron) -> None:
    assert read_rule(write_rule(rule)) == rule
    assert hash(rule) == hash(read_rule(write_rule(rule)))
    assert msgspec.to_builtins(rule)["type"] == "cron"


def test_a_stored_rule_that_no_longer_holds_is_refused() -> None:
    with pytest.raises(BadSchedule, match="did you mean Europe/Berlin"):
        read_rule('{"type":"cron","expression":"@daily","zone":"Europe/Berlim"}')


def test_an_unknown_word_for_daylight_saving_is_refused() -> None:
    with pytest.raises(BadSchedule, match='missing=\'later\'; choose "after" or "skip"'):
        Dst(missing="later")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(BadSchedule, match='choose "first", "last" or "both"'):
        Dst(repeated="twice")  # type: ignore[arg-type]  # what is refused


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("* " * 1000,), "2,000 characters; use at most 1,000"),
        (("* * * * *", 5), "no time zone 5"),
        (("* * * * *", "UTC", "skip"), "dst='skip'; write dst=Dst"),
        ((["* * * * *"],), "not text"),
    ],
)
def test_each_part_is_of_its_kind(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BadSchedule, match=message):
        Cron(*given)
