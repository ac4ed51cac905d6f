"""The tree of a trace as an operator reads it."""

from engine.cli.trace import lines
from engine.managers.ended import TimerStory
from engine.reading.trace import NOT_KEPT, Link, Trace

START_NS = 1_764_000_000_000_000_000


def committed(id: str, aggregate: str, position: int, event: str, *led_to: Link) -> Link:
    events = [{"type": event, "amount": position}]
    return Link(
        id, "committed", aggregate, 1, 0, position, START_NS, events, led_to=list(led_to), result=None
    )


def test_commands_events_refusals_and_timers_are_branches_of_one_tree() -> None:
    waiting = TimerStory("t1", "order.expire", "order-1", "late", START_NS, "waiting", None, "c1")
    over = TimerStory("t2", "order.remind", "order-1", "", START_NS, "cancelled", None, "c1", "c3")
    refused = Link("c3", "rejected", code="too-little", message="only 3 left")
    chain = committed(
        "c1",
        "order-1",
        1,
        "order.placed",
        committed("c2", "stock", 2, "stock.taken", refused),
        Link("t1", "waiting", timer=waiting),
        Link("t2", "cancelled", timer=over),
        Link("c4", NOT_KEPT),
    )
    time = "2025-11-24 16:00:00.000Z"
    assert list(lines(Trace("c3", chain))) == [
        f"c1  order-1 version 1  {time}  (partition 0, position 1)",
        '│    order.placed {"amount": 1}',
        f"├─ c2  stock version 1  {time}  (partition 0, position 2)",
        '│  │    stock.taken {"amount": 2}',
        "│  └─ c3  rejected: too-little (only 3 left)  ◀",
        "├─ t1  waiting",
        f"│       timer late, due {time}, waiting: order.expire to order-1",
        "├─ t2  cancelled",
        f"│       timer, due {time}, cancelled, by c3: order.remind to order-1",
        "└─ c4  no longer kept, or not answered yet",
    ]


def test_what_is_cut_is_said() -> None:
    link = Link("c1", "unchanged", cut=True, led_to=[Link("c2", "unchanged")])
    assert list(lines(Trace("c2", link, cut=True))) == [
        "… what led to this is not shown",
        "c1  unchanged",
        "├─ c2  unchanged  ◀",
        "└─ … and more",
    ]


def test_long_events_are_shortened() -> None:
    link = Link("c1", "committed", events=[{"type": "long", "text": "x" * 500}])
    _, event = lines(Trace("c1", link))
    assert len(event) < 200
    assert event.endswith("…")
