"""Dead letters that have one cause are told of together."""

from typing import Any

from engine.cli.letters import grouped, told_of


def letter(number: int, **more: Any) -> dict[str, Any]:
    return {
        "follower": "sales",
        "aggregate": f"order-{number}",
        "events": ["order.placed"],
        "error": f"ValueError: 7 units of article-{number}",
        "where": "placed, shop.py:93",
        "dead": True,
        **more,
    }


def test_what_failed_alike_is_one_line() -> None:
    letters = [letter(number) for number in range(14)] + [letter(99, where="placed, shop.py:12", dead=False)]
    assert list(map(told_of, grouped(letters))) == [
        "sales: 14 × ValueError in placed, shop.py:93: '7 units of article-0' (order-0 … order-13), dead",
        "sales: 1 × ValueError in placed, shop.py:12: '7 units of article-99' (order-99), "
        "0 dead, others are retried",
    ]


def test_a_refusal_is_named_as_such() -> None:
    refused = letter(
        0,
        follower="shipping",
        aggregate="parcel-1",
        events=["refusal of parcel.ship: no-address"],
        error="RuntimeError: what is to be done?",
        where="not_shipped, shop.py:112",
    )
    assert list(map(told_of, grouped([refused]))) == [
        "shipping: 1 × refusal of parcel.ship: no-address, handler not_shipped raised RuntimeError "
        "in shop.py:112: 'what is to be done?' (parcel-1), dead"
    ]


def test_a_long_message_is_cut() -> None:
    (group,) = grouped([letter(1, error="ValueError: " + 400 * "x")])
    assert len(told_of(group)) < 250
