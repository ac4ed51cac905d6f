"""Answers as they come over the wire: one for a command, or one for a whole block of them."""

from typing import Any

import msgspec


class Answer(msgspec.Struct, gc=False):
    """Fields as docs/PROTOCOL.md has them. `ids` for a block; its k-th id has version `versions[k]` and
    position `position` + k. `id` for one command."""

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


decode_answers = msgspec.json.Decoder(list[Answer]).decode

FINAL = frozenset(("committed", "unchanged", "rejected", "failed"))
