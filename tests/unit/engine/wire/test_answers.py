"""Answers: the very bytes of docs/PROTOCOL.md, and what a client makes of them."""

import pytest

from engine.wire.answers import (
    Accepted,
    Answer,
    Busy,
    Committed,
    CommittedBlock,
    Failed,
    Rejected,
    Unchanged,
    answered_id,
    answered_outcome,
    decode_answers,
    encode_answers,
    split_answers,
)

A, B = "a" * 32, "b" * 32
ANSWERS: list[tuple[Answer, str]] = [
    (
        CommittedBlock((A, B), (1, 2), 0, 7),
        f'{{"outcome":"committed","ids":["{A}","{B}"],"versions":[1,2],"partition":0,"position":7}}',
    ),
    (Committed(A, 3, 1, 9), f'{{"outcome":"committed","id":"{A}","version":3,"partition":1,"position":9}}'),
    (
        Committed(A, 3, 1, 9, {"seat": 4}),
        f'{{"outcome":"committed","id":"{A}","version":3,"partition":1,"position":9,"result":{{"seat":4}}}}',
    ),
    (Unchanged(A), f'{{"outcome":"unchanged","id":"{A}"}}'),
    (Rejected(A, "sold-out", ""), f'{{"outcome":"rejected","id":"{A}","code":"sold-out","message":""}}'),
    (Failed(None, "malformed", "no"), '{"outcome":"failed","id":null,"code":"malformed","message":"no"}'),
    (Busy([A, B], "full"), f'{{"outcome":"busy","ids":["{A}","{B}"],"reason":"full"}}'),
    (Accepted([A]), f'{{"outcome":"accepted","ids":["{A}"]}}'),
]


@pytest.mark.parametrize(("answer", "text"), ANSWERS)
def test_an_answer_is_one_json_object_that_begins_with_its_outcome(answer: Answer, text: str) -> None:
    assert answer.encode().decode() == text


@pytest.mark.parametrize("answer", [answer for answer, _ in ANSWERS])
def test_a_client_reads_every_field_of_an_answer(answer: Answer) -> None:
    (received,) = decode_answers(encode_answers([answer.encode()]))
    for name in answer.__struct_fields__:
        sent = getattr(answer, name)
        assert getattr(received, name) == (list(sent) if isinstance(sent, tuple) else sent)


def test_a_frame_is_taken_apart_into_the_answers_it_was_made_of() -> None:
    answers = [answer.encode() for answer, _ in ANSWERS]
    assert split_answers(encode_answers(answers)) == answers
    assert split_answers(encode_answers([b",".join(answers[:3]), *answers[3:]])) == answers


def test_a_final_answer_names_its_command() -> None:
    assert answered_id(Rejected(A, "no", "").encode()) == A


@pytest.mark.parametrize("answer", [answer for answer, _ in ANSWERS])
def test_the_outcome_is_read_without_decoding(answer: Answer) -> None:
    assert answered_outcome(answer.encode()) == decode_answers(encode_answers([answer.encode()]))[0].outcome
