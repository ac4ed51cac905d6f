"""Dead letters in groups, because a thousand of them have one cause, or a few."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

REFUSAL = "refusal of "  # begins what a process manager could not handle of what it sent
LONGEST_MESSAGE = 120

Letter = dict[str, Any]
Group = dict[str, Any]


def grouped(letters: Sequence[Letter]) -> list[Group]:
    """The letters of each follower that failed alike: with the same kind of error at the same place. The
    largest group comes first. `first`, `last`: aggregates; `dead`: how many are not tried by themselves."""
    groups = []
    for key, some in groupby(sorted(letters, key=_key), key=_key):
        members = list(some)
        groups.append(
            {
                "follower": key[0],
                "refused": key[1],
                "error": members[0]["error"],
                "where": key[3],
                "count": len(members),
                "dead": sum(letter["dead"] for letter in members),
                "first": members[0]["aggregate"],
                "last": members[-1]["aggregate"],
            }
        )
    return sorted(groups, key=lambda group: -group["count"])


def told_of(group: Group) -> str:
    """A group as a line."""
    kind, _, message = group["error"].partition(": ")
    message = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"
    where = group["where"]
    if group["refused"]:
        handler, _, at = where.partition(", ")
        told = f"{group['refused']}, handler {handler or 'unknown'} raised {kind}" + (
            f" in {at}" if at else ""
        )
    else:
        told = kind + (f" in {where}" if where else "")
    told += f": '{message}'" if message else ""
    names = [group["first"], group["last"]] if group["count"] > 1 else [group["first"]]
    state = "dead" if group["dead"] == group["count"] else f"{group['dead']:,} dead, others are retried"
    return f"{group['follower']}: {group['count']:,} × {told} ({' … '.join(names)}), {state}"


def _key(letter: Letter) -> tuple[str, str, str, str]:
    refused = next((event for event in letter["events"] if event.startswith(REFUSAL)), "")
    return letter["follower"], refused, letter["error"].partition(": ")[0], letter["where"]
