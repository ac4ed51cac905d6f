"""Ids and hashes. The golden values must never change: data directories depend on them."""

import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.identity import aggregate_key, id_from, partition_of, uuid7_hex
from engine.wire.commands import ids_are_canonical

KEY = bytes(range(16))


def test_a_command_id_is_a_uuid_of_version_7_and_of_now() -> None:
    before = time.time_ns() // 1_000_000
    text = uuid7_hex()
    after = time.time_ns() // 1_000_000
    assert re.fullmatch("[0-9a-f]{32}", text)
    id = uuid.UUID(text)
    assert (id.version, id.variant) == (7, uuid.RFC_4122)
    assert before <= id.int >> 80 <= after + 1


def test_ids_of_one_thread_rise() -> None:
    ids = [uuid7_hex() for _ in range(5000)]
    assert ids == sorted(set(ids))


def test_ids_made_by_several_threads_differ() -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = [id for made in pool.map(lambda _: [uuid7_hex() for _ in range(2000)], range(4)) for id in made]
    assert len(set(ids)) == 8000


def test_a_forked_process_makes_other_ids() -> None:
    uuid7_hex()
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writes, uuid7_hex().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reads, 32).decode()[16:] != uuid7_hex()[16:]
    os.close(reads)
    os.close(writes)


@given(st.text())
def test_an_id_from_a_key_is_the_same_each_time_and_below_every_new_one(key: str) -> None:
    id = id_from(key)
    assert id == id_from(key) < uuid7_hex()
    assert ids_are_canonical([id])
    assert (uuid.UUID(id).version, uuid.UUID(id).variant) == (8, uuid.RFC_4122)
    assert uuid.UUID(id).int >> 80 == 0


def test_ids_from_keys_are_what_they_have_always_been_and_differ() -> None:
    assert id_from("order-7") == "000000000000868cb94e56662c4f9aad"
    assert len({id_from(f"order-{number}") for number in range(5000)}) == 5000


@pytest.mark.parametrize(
    ("name", "key", "of_2", "of_64"),
    [
        ("a", "7448381366d4960be168a31ac6c187c2", 1, 3),
        ("account-7", "c2d64ac398c700ca1127ce7ee9e3470f", 1, 5),
        ("京沪高铁/2026-11-23", "01395c32d03279152117509732b44288", 0, 26),
    ],
)
def test_the_hashes_of_an_aggregate_are_what_they_have_always_been(
    name: str, key: str, of_2: int, of_64: int
) -> None:
    assert aggregate_key(KEY, name).hex() == key
    assert partition_of(name, 1) == 0
    assert partition_of(name, 2) == of_2
    assert partition_of(name, 64) == of_64


@given(st.text(), st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
def test_every_aggregate_has_a_partition(name: str, partitions: int) -> None:
    assert 0 <= partition_of(name, partitions) < partitions
    assert len(aggregate_key(KEY, name)) == 16


@pytest.mark.parametrize(
    ("id", "canonical"),
    [
        ("0123456789abcdef" * 2, True),
        ("0123456789ABCDEF" * 2, False),
        ("0123456789abcdeg" * 2, False),
        ("0123456789abcde " * 2, False),
        ("  " + "0" * 30, False),
        ("٣" * 32, False),
        ("\0" * 32, False),
        ("é" * 32, False),
    ],
)
def test_an_id_is_canonical_only_as_lower_case_hex(id: str, canonical: bool) -> None:
    assert ids_are_canonical([id]) is canonical
    assert ids_are_canonical(["0" * 32, id, "f" * 32]) is canonical
