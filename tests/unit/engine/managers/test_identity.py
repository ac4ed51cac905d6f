"""Ids that follow from what is handled."""

import re

from hypothesis import given
from hypothesis import strategies as st

from engine.managers.identity import derived_id, seed_of_event, seed_of_refusal, time_of

NOW_NS = 1_764_000_000_123_456_789
SEED = seed_of_event("relay", 0, 1, "0" * 32)


def test_a_derived_id_has_the_shape_of_a_uuid_of_version_7() -> None:
    id = derived_id(NOW_NS, SEED, 0)
    assert re.fullmatch("[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", id)
    assert int(id[:12], 16) == NOW_NS // 1_000_000


def test_a_derived_id_never_changes() -> None:
    assert derived_id(NOW_NS, SEED, 0) == "019ab697e87b774f984de8dd2cbebee5"


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_derived_ids_are_in_the_order_of_their_times(one_ns: int, other_ns: int) -> None:
    low, high = sorted((one_ns, other_ns))
    assert derived_id(low, SEED, 0)[:16] <= derived_id(high, SEED, 0)[:16]


@given(st.integers(0, 2**62))
def test_the_time_of_an_id_gives_its_time_bits_again(time_ns: int) -> None:
    id = derived_id(time_ns, SEED, 0)
    assert derived_id(time_of(id), SEED, 0) == id


def test_whatever_differs_gives_another_id() -> None:
    command = "0" * 32
    seeds = [
        seed_of_event("relay", 0, 1, command),
        seed_of_event("relay2", 0, 1, command),
        seed_of_event("relay", 1, 1, command),
        seed_of_event("relay", 0, 2, command),
        seed_of_event("relay", 0, 1, "1" * 32),
        seed_of_refusal("relay", command),
        seed_of_refusal("relay", "1" * 32),
    ]
    ids = {derived_id(NOW_NS, seed, number) for seed in seeds for number in range(12)}
    assert len(ids) == len(seeds) * 12
