"""Whatever a subscriber takes, acknowledges and forgets when it is killed: nothing is lost, and nothing that
was acknowledged comes again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Delivery, Subscriber
from tests.unit.engine.reading.writing import storing

PARTITIONS = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Entries with none, one or three wanted events, in batches of many sizes."""
    path = tmp_path_factory.mktemp("histories") / "data"
    events: list[list[dict[str, Any]]] = [
        [{"type": "other"}],
        [{"type": "wanted", "n": 1}],
        [
            {"type": "wanted", "n": 1},
            {"type": "other"},
            {"type": "wanted", "n": 2},
            {"type": "wanted", "n": 3},
        ],
    ]
    with storing(path, PARTITIONS) as store:
        for size in (1, 2, 5, 3, 8, 1, 1):
            store.put(*((n * size % PARTITIONS, "a", events[(n + size) % 3]) for n in range(size)))
        yield path


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 9)),
        st.tuples(st.just("ack-one"), st.integers(0, 5)),
        st.tuples(st.just("ack-all"), st.just(0)),
        st.tuples(st.just("killed"), st.just(0)),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=80)
@given(STEPS)
def test_no_history_loses_a_message_or_repeats_an_acknowledged_one(
    data: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("places")
    with Subscriber(data, "all", ["wanted"], folder=folder) as everything:
        order = everything.take(0, most=1000)
    wanted = {p: [m.id for m in order if m.partition == p] for p in range(PARTITIONS)}
    done = dict.fromkeys(range(PARTITIONS), 0)  # how many of each partition are acknowledged
    seen = dict(done)
    taken: list[Delivery] = []
    subscriber = Subscriber(data, "one", ["wanted"], folder=folder)
    try:
        for step, number in [*steps, ("killed", 0), ("take", 1000)]:
            if step == "take":
                found = subscriber.take(0, most=number)
                for message in found:
                    p = message.partition
                    assert message.id == wanted[p][seen[p]]
                    seen[p] += 1
                taken += found
            elif step == "ack-one" and taken:
                message = taken[number % len(taken)]
                subscriber.ack(message)
                p = message.partition
                done[p] = max(done[p], wanted[p].index(message.id) + 1)
            elif step == "ack-all":
                subscriber.ack()
                done = dict(seen)
            elif step == "killed":
                subscriber.close()
                subscriber = Subscriber(data, "one", ["wanted"], folder=folder)
                seen, taken = dict(done), []
    finally:
        subscriber.close()
    assert seen == {p: len(ids) for p, ids in wanted.items()}
