"""Answers to a client about its commands, one JSON object each.

    frame      [answer, …]                              of one client, in no particular order
    committed  id | version | partition | position | result, if the handler gave one
    committed  ids | versions | partition | position    the k-th id has position `position` + k
    unchanged  id | correlation, causation, if the command has them
    rejected   id | code | message | the same
    failed     id or null | code | message | the same
    busy       ids | reason                             nothing was kept
    accepted   ids                                      journaled; the outcome follows

Each object begins with its `outcome`, the first word above. Until the frame is put together, answers travel
as bytes joined by commas, without the brackets, so that no stage decodes what another has encoded.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_HEAD = b'{"outcome":"'  # how each answer begins


class Answer(msgspec.Struct, gc=False, omit_defaults=True, tag_field="outcome", tag=str.lower):
    """The base of all answers."""

    def encode(self) -> bytes:
        """The JSON object."""
        return _encode(self)


class Committed(Answer):
    """The command's events are stored."""

    id: str
    version: int
    partition: int
    position: int
    result: Any = None


class CommittedBlock(Answer, tag="committed"):
    """The events of several commands, none of which has a result, are stored."""

    ids: tuple[str, ...]
    versions: tuple[int, ...]
    partition: int
    position: int


class Unchanged(Answer):
    """There was nothing to do."""

    id: str
    correlation: str | None = None
    causation: str | None = None


class Rejected(Answer):
    """A rule refused the command."""

    id: str
    code: str
    message: str
    correlation: str | None = None
    causation: str | None = None


class Failed(Answer):
    """The command could not be understood or handled. `id` is None if it could not be made out."""

    id: str | None
    code: str
    message: str
    correlation: str | None = None
    causation: str | None = None


class Busy(Answer):
    """Nothing of these commands was kept; the client may send them again."""

    ids: list[str]
    reason: str


class Accepted(Answer):
    """These commands are journaled and will be decided, whatever happens."""

    ids: list[str]


class Received(msgspec.Struct, gc=False):
    """An answer as a client reads it: the fields of every kind, empty where this kind has none."""

    outcome: str
    id: str | None = None
    ids: list[str] = []
    versions: list[int] = []
    version: int = 0
    partition: int = 0
    position: int = 0
    result: Any = None
    code: str = ""
    message: str = ""
    reason: str = ""
    correlation: str | None = None
    causation: str | None = None


FINAL = frozenset(("committed", "unchanged", "rejected", "failed"))
"""The outcomes after which nothing more comes."""


def encode_answers(answers: Iterable[bytes]) -> bytes:
    """A frame of answers. Each item is one that is encoded already, or several joined by commas."""
    return b"[" + b",".join(answers) + b"]"


decode_answers = msgspec.json.Decoder(list[Received]).decode
"""The answers in a frame."""


class _Final(msgspec.Struct, gc=False):
    id: str


_decode_final = msgspec.json.Decoder(_Final).decode
_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode


def answered_id(answer: bytes) -> str:
    """The id of the command that a final answer is about."""
    return _decode_final(answer).id


def answered_outcome(answer: bytes) -> str:
    """What it says became of the command."""
    return answer[len(_HEAD) : answer.index(b'"', len(_HEAD))].decode()


def split_answers(frame: bytes) -> list[bytes]:
    """The answers in a frame, still encoded."""
    return [bytes(raw) for raw in _decode_raws(frame)]
