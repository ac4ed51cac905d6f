"""Frames: an entry as a stream carries it, with the positions after it."""

import json

import msgspec

from engine.gateway.frames import LINES, SSE, Frame, beat_of

ENTRY = msgspec.Raw(b'["a\\n",2,"%b",9,5,[{"type":"x"}],null]' % (b"0" * 32))


def test_an_entry_has_the_vector_of_positions_as_its_id() -> None:
    positions = [3, 7]
    frame = Frame((1, 7, ENTRY), positions)
    text = frame.as_(SSE).decode()
    assert text.startswith('id: 3,7\ndata: {"partition":1,"position":7,')
    assert text.endswith("\n\n")
    assert text.count("\n") == 3
    line = json.loads(frame.as_(LINES))
    assert (line["after"], line["aggregate"], line["version"]) == ([3, 7], "a\n", 2)


def test_the_bytes_are_made_once_for_all_streams() -> None:
    frame = Frame((0, 1, ENTRY), [1])
    assert frame.as_(SSE) is frame.as_(SSE)


def test_a_beat_says_where_the_stream_is_and_nothing_else() -> None:
    assert beat_of(SSE, [3, 7]) == b": \nid: 3,7\n\n"
    assert json.loads(beat_of(LINES, [3, 7])) == {"after": [3, 7]}
