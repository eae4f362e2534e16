"""The verdict is taken from the ledger alone, and misses nothing."""

import pytest
from msgspec.structs import replace

from dutiful.demo.books import LedgerLine
from dutiful.demo.orders import Order
from dutiful.demo.verdict import Survived, Verdict, judge, money
from dutiful.demo.wording import details

ORDERS = [Order(f"SO-{number}", f"tok_{number}", 100 * number, "EUR") for number in range(1, 5)]
SURVIVED = Survived(
    attempts=9,
    retries=4,
    workers_killed=1,
    rescued=2,
    dead=1,
    redriven=1,
    still_dead=0,
    alerts_fired=1,
    alerts_resolved=1,
    faults={"errors": 3},
    seconds=1.5,
)


def entry(order: Order, **other: object) -> LedgerLine:
    fields = {"card": order.card, "cents": order.cents, "currency": order.currency, **other}
    return LedgerLine(charge="ch_1", order=order.order_id, **fields)


def verdict(*ledger: LedgerLine) -> Verdict:
    return judge(ORDERS, ledger, SURVIVED)


def test_each_once_is_ok() -> None:
    found = verdict(*map(entry, ORDERS))
    assert found.ok
    assert (found.orders, found.charged_once, found.charged_twice, found.lost) == (4, 4, 0, 0)
    assert (found.attempts, found.retries, found.rescued, found.seconds) == (9, 4, 2, 1.5)
    assert found.overcharged == found.unpaid == {}


def test_twice_and_thrice_count_the_money_beyond_the_first() -> None:
    first, second, *rest = ORDERS
    found = verdict(*[entry(first)] * 2, *[entry(second)] * 3, *map(entry, rest))
    assert not found.ok
    assert (found.charged_once, found.charged_twice, found.lost) == (2, 2, 0)
    assert found.overcharged == {"EUR": 100 + 2 * 200}


def test_lost_orders_count_the_money_not_taken() -> None:
    found = verdict(*map(entry, ORDERS[:2]))
    assert not found.ok
    assert (found.charged_once, found.lost, found.unpaid) == (2, 2, {"EUR": 700})


def test_wrong_amount_and_unknown_order_are_wrong() -> None:
    first, *rest = ORDERS
    found = verdict(entry(first, cents=1), *map(entry, rest))
    assert (found.ok, found.charged_once, found.wrong) == (False, 4, 1)
    stranger = Order("SO-99", "tok", 5, "EUR")
    found = verdict(*map(entry, ORDERS), entry(stranger))
    assert (found.ok, found.wrong) == (False, 1)


def test_empty_ledger_is_all_lost() -> None:
    assert verdict().lost == 4


def test_money_is_written_by_currency() -> None:
    assert money({"EUR": 123456, "GBP": 5}) == "1,234.56 EUR, 0.05 GBP"


@pytest.mark.parametrize(
    ("fired", "resolved", "said"),
    [
        (1, 1, "1 fired, 1 resolved by the redrive"),
        (1, 0, "1 fired, 0 resolved by the redrive, 1 not resolved"),
        (0, 0, "none fired, though charges were dead letters"),
    ],
)
def test_an_alert_that_does_not_end_is_bad(fired: int, resolved: int, said: str) -> None:
    faults = dict.fromkeys(("errors", "stalls", "cuts", "declined", "replayed"), 0)
    survived = replace(SURVIVED, alerts_fired=fired, alerts_resolved=resolved, faults=faults)
    found = judge(ORDERS, [entry(order) for order in ORDERS], survived)
    assert found.ok == (fired == resolved == 1)
    assert ("alerts", said) in details(found)


def test_without_dead_letters_no_alert_is_wanted() -> None:
    survived = replace(SURVIVED, dead=0, redriven=0, alerts_fired=0, alerts_resolved=0)
    assert judge(ORDERS, [entry(order) for order in ORDERS], survived).ok
