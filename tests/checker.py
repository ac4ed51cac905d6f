"""The checker: what was promised to clients, held against what is stored. A pure function.

It is given the clients' histories, the commits of the event store, the commands of the journal and, where
asked for, what a view answers; it gives a list of broken promises, empty if all were kept. A timeout is
*unknown*: the command may have taken effect or not, but not twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.model.commit import Commit
from tests.model import Model

UNKNOWN = "unknown"
ACCEPTED = "accepted"  # durable, and no outcome was waited for
FOREIGN = 0  # the sequence of what another program appended
Line = dict[str, Any]  # of the journal: sequence, time_ns, command


@dataclass(frozen=True)
class Attempt:
    """One sending of one command by one client. Times are of one monotonic clock, in seconds."""

    id: str
    sent_at: float
    ended_at: float
    outcome: str  # committed | rejected | failed | unchanged | accepted | unknown
    answer: tuple[Any, ...] = ()  # what must be equal for equal ids


def check(
    attempts: Iterable[Attempt],
    log: Mapping[int, list[tuple[int, Commit]]],
    commands: Iterable[Line] | None,
) -> list[str]:
    """`log`: per partition (position, commit) as stored; `commands`: the lines of the journal; None if they
    are not at hand, and what they would show is not checked."""
    broken: list[str] = []
    attempts = list(attempts)
    commits: dict[str, Commit] = {}
    versions: dict[str, int] = {}
    for partition, entries in log.items():
        for expected, (position, commit) in enumerate(entries, 1):
            if position != expected:
                broken.append(f"partition {partition}: position {position} where {expected} was due")
                break
            if commit.command in commits:
                broken.append(f"command {commit.command} was committed twice")
            commits[commit.command] = commit
            if commit.version != versions.get(commit.aggregate, 0) + 1:
                broken.append(
                    f"{commit.aggregate}: version {commit.version} after {versions.get(commit.aggregate, 0)}"
                )
            versions[commit.aggregate] = commit.version

    answers: dict[str, tuple[str, tuple[Any, ...]]] = {}
    sent = {attempt.id for attempt in attempts}
    for attempt in attempts:
        if attempt.outcome in (UNKNOWN, ACCEPTED):
            continue
        answer = (attempt.outcome, attempt.answer)
        if answers.setdefault(attempt.id, answer) != answer:
            broken.append(f"command {attempt.id} was answered {answers[attempt.id]} and {answer}")
        if (attempt.outcome == "committed") != (attempt.id in commits):
            broken.append(f"command {attempt.id} was answered {attempt.outcome}, the log says otherwise")
    unsent = [id for id in commits if id not in sent and commits[id].sequence != FOREIGN]
    broken += [f"command {id} is stored and was never sent" for id in unsent]
    broken += _out_of_order(attempts, commits)

    if commands is None:
        return broken
    foreign = {id for id, commit in commits.items() if commit.sequence == FOREIGN}
    model, time_ns = Model((commits[id].aggregate, commits[id].version) for id in foreign), 0
    journaled: set[str] = set()
    for expected, line in enumerate(commands, 1):
        sequence, command = line["sequence"], line["command"]
        if sequence != expected:
            broken.append(f"the journal has sequence {sequence} where {expected} was due")
            break
        if line["time_ns"] <= time_ns:
            broken.append(f"the time of sequence {sequence} does not go on")
        time_ns = line["time_ns"]
        commit_or_none = commits.get(command["id"])
        if commit_or_none is None:
            model.take(command, None, None)
        else:
            model.take(command, commit_or_none.events, commit_or_none.version)
            stamp = sequence, line["time_ns"]
            if command["id"] not in journaled and (commit_or_none.sequence, commit_or_none.time_ns) != stamp:
                broken.append(f"command {command['id']} has another sequence or time than in the journal")
        journaled.add(command["id"])
    kept = {attempt.id for attempt in attempts if attempt.outcome != UNKNOWN}
    broken += [f"command {id} was answered and is not in the journal" for id in kept - journaled]
    unread = commits.keys() - journaled - foreign
    broken += [f"command {id} is stored and not in the journal" for id in unread]
    broken += model.differences
    return broken


def _out_of_order(attempts: list[Attempt], commits: Mapping[str, Commit]) -> list[str]:
    """If A was answered before B was sent, A comes before B."""
    firsts: dict[str, float] = {}
    ends: dict[str, float] = {}
    for attempt in attempts:
        firsts[attempt.id] = min(firsts.get(attempt.id, attempt.sent_at), attempt.sent_at)
        if attempt.outcome == "committed":
            ends[attempt.id] = min(ends.get(attempt.id, attempt.ended_at), attempt.ended_at)
    moments = [(at, 0, commits[id].sequence, id) for id, at in ends.items() if id in commits]
    moments += [(at, 1, commits[id].sequence, id) for id, at in firsts.items() if id in commits]
    broken, highest, whose = [], 0, ""
    for _, kind, sequence, id in sorted(moments):
        if kind == 0 and sequence > highest:
            highest, whose = sequence, id
        if kind == 1 and sequence < highest and id != whose:
            broken.append(f"{id} was sent after {whose} was answered, and is stored before it")
    return broken
