"""Any flipped bit of a key, a value or a note is noticed."""

from pathlib import Path

import pytest

from engine.base.errors import CorruptData
from engine.base.seals import SealBroken, is_note, is_sealed, seal, seal_all, seal_note, unseal, unseal_note

WHERE = Path("store")


def flipped(content: bytes) -> list[bytes]:
    """The content with one bit flipped, for each bit of it."""
    number = int.from_bytes(content, "big")
    return [(number ^ (1 << bit)).to_bytes(len(content), "big") for bit in range(8 * len(content))]


def test_a_value_comes_back_under_its_own_key_only() -> None:
    stored = seal(b"key", b"value")
    assert unseal(b"key", stored, WHERE, "items") == b"value"
    assert all(not is_sealed(key, stored) for key in flipped(b"key"))
    assert all(not is_sealed(b"key", value) for value in flipped(stored))
    assert not is_sealed(b"key", b""), "nor is a value that was cut"


def test_a_broken_seal_is_named_with_file_table_and_key() -> None:
    with pytest.raises(CorruptData, match=r"checksum \(path=store, table=log, key=7\)"):
        unseal((7).to_bytes(8, "big"), b"rubbish", WHERE, "log")
    with pytest.raises(CorruptData, match=r"table=items, key=6b6579"):
        unseal(b"key", b"rubbish", WHERE, "items")


def test_the_rows_of_an_index_are_sealed_as_any_others() -> None:
    rows = seal_all([b"a" * 32, b"b" * 32], b"12345678")
    assert rows == [(key, seal(key, b"12345678")) for key in (b"a" * 32, b"b" * 32)]


@pytest.mark.parametrize("text", [b"", b"\n", b'{"format": 2}\n'])
def test_a_note_is_read_whole_or_not_at_all(text: bytes) -> None:
    content = seal_note(text)
    assert unseal_note(content) == text
    assert is_note(content)
    for damaged in (*flipped(content), *(content[:size] for size in range(len(content))), content + b" "):
        with pytest.raises(SealBroken):
            unseal_note(damaged)
