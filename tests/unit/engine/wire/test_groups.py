"""Groups: what goes in comes out, from wherever they begin."""

from hypothesis import given
from hypothesis import strategies as st

from engine.wire.groups import Group, decode_groups, encode_group

WHO = st.binary(min_size=1, max_size=255)
GROUPS = st.lists(st.tuples(WHO, st.integers(0, (1 << 32) - 1), st.binary(max_size=60)), max_size=6)


@given(GROUPS, st.binary(max_size=20))
def test_groups_come_back_in_their_order(groups: list[Group], before: bytes) -> None:
    data = before + b"".join(encode_group(*group) for group in groups)
    assert list(decode_groups(data, len(before))) == groups


def test_a_group_lies_as_its_diagram_says() -> None:
    assert encode_group(b"me", 3, b"[]") == b"\2\0" b"\0\0" b"\3\0\0\0" b"\2\0\0\0" b"me" b"[]"
