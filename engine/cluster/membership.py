"""Membership: which nodes are there, and which partitions this one owns. It is pure but for the register.

    heard within the patience ──▶ there ──▶ shares by rendezvous ──▶ a share that another one has, or none:
                                                                     claimed by compare-and-set

Nothing depends on this being right: two nodes that both think that they own a partition hinder each other,
and the log of decisions takes what one of them decides.
"""

from collections.abc import Callable
from concurrent.futures import Future

import msgspec

from engine.cluster.assignment import assign
from engine.cluster.logs import NoAnswer, Owner, Register

BEAT_S = 0.2
PATIENCE_S = 1.0
QUIET_S = 3 * BEAT_S  # a life before this one is silent after a beat of it and so long
TWIN_S = 2.0  # one that is heard for so long is not a life that ends
ASK_S = 1.0  # between two looks at who is registered
CLAIM_S = 0.1  # between two, while a share is lacking


class Beat(msgspec.Struct):
    """What a node says of itself. `terms`: by partition that it owns; `positions`, `decisions`: of all
    partitions, the last one that is stored; `marks`: of their digests; `ready`: it has caught up, and may
    own; `conflicts`: how often another node had decided first; `changes`: how often it has become an
    owner; `acts`: its process managers and workers that reach outside; `code`: the mark of its code;
    `workers`: the node that is to run workers, by its settings."""

    node: str
    life: str
    version: str
    terms: dict[int, int]
    positions: list[int]
    ready: bool = True
    decisions: list[int] = []
    marks: list[int] = []
    conflicts: int = 0
    changes: int = 0
    acts: list[str] = []
    code: str = ""
    workers: str = ""


class Membership:
    """The membership of one node. `now`: a clock in seconds that never goes back. `always`: partitions that
    it owns whatever happens; None: it takes its share."""

    def __init__(
        self,
        node: str,
        life: str,
        partitions: int,
        register: Register,
        *,
        now: Callable[[], float],
        version: str = "",
        always: frozenset[int] | None = None,
        code: str = "",
        workers: str = "",
    ) -> None:
        self.terms: dict[int, int] = {}
        """of the partitions that this node owns"""
        self.changes = 0
        """how often it has become an owner"""
        self.decisions: list[int] = []
        """of all partitions, the last one that is stored here"""
        self.marks: list[int] = []
        """a number for the digest of each of them"""
        self.conflicts = 0
        """how often another node had decided first"""
        self.acts: list[str] = []
        """process managers and workers that reach outside from here"""
        self.heard: dict[str, tuple[float, Beat]] = {}
        self._node, self._life, self._version, self._code = node, life, version, code
        self._workers = workers
        self._partitions, self._register, self._now = partitions, register, now
        self._always = always
        self._born = now()
        self._twin_from = self._twin_at = float("-inf")  # when another life under this name was heard
        self._beat_at = self._ask_at = self._claim_at = 0.0
        self._asked: dict[int, Future[Owner | None]] = {}
        self._claimed: dict[int, Future[Owner | None]] = {}
        if always is not None:
            self.terms = dict.fromkeys(always, 0)

    @property
    def owned(self) -> int:
        """A bit for each partition that it owns."""
        return sum(1 << partition for partition in self.terms)

    def hear(self, body: bytes) -> None:
        """A beat has come."""
        try:
            beat = msgspec.json.decode(body, type=Beat)
        except msgspec.DecodeError:
            return
        now = self._now()
        if beat.node == self._node and beat.life != self._life:
            if now - self._twin_at > PATIENCE_S:
                self._twin_from = now
            self._twin_at = now
            return
        self.heard[beat.node] = now, beat
        if self._always is None and beat.node != self._node:
            for partition, term in beat.terms.items():
                if term > self.terms.get(partition, term):
                    del self.terms[partition]

    @property
    def has_twin(self) -> bool:
        """True if another node was at work under this name when this one came: two of a name would both take
        its share."""
        return self._twin_at - self._twin_from >= TWIN_S and self._twin_from - self._born < PATIENCE_S

    def there(self) -> list[str]:
        """The nodes that are there and may own, in order of their names."""
        now = self._now()
        return sorted(node for node, (at, beat) in self.heard.items() if now - at < PATIENCE_S and beat.ready)

    def look(self, positions: list[int], ready: bool) -> None:
        """One look: beats if it is time, takes what it should own, and gives up what it should not."""
        now = self._now()
        if now >= self._beat_at:
            self._beat_at = now + BEAT_S
            beat = Beat(self._node, self._life, self._version, self.terms, positions, ready)
            beat.decisions, beat.marks = self.decisions, self.marks
            beat.conflicts, beat.changes, beat.acts = self.conflicts, self.changes, self.acts
            beat.code, beat.workers = self._code, self._workers
            self._register.beat(msgspec.json.encode(beat))
        if self._always is not None:
            return
        if not ready:
            self.terms.clear()  # the others hear of it with the next beat
            return
        if now - self._born < PATIENCE_S or now - self._twin_at < QUIET_S:
            return
        wanted = {p for p, node in enumerate(assign(self._partitions, self.there())) if node == self._node}
        self._take_answers(wanted)
        lacking = wanted - self.terms.keys()
        looks = now >= self._ask_at
        if looks:
            self._ask_at = now + ASK_S
        if looks or (lacking and now >= self._claim_at):
            self._claim_at = now + CLAIM_S
            for partition in sorted(lacking | self.terms.keys() if looks else lacking):
                if partition not in self._asked:
                    self._asked[partition] = self._register.owner(partition)

    def _take_answers(self, wanted: set[int]) -> None:
        for partition, promise in [one for one in self._asked.items() if one[1].done()]:
            del self._asked[partition]
            if isinstance(promise.exception(), NoAnswer):
                continue
            owner = promise.result()
            if owner is not None and owner.node == self._node:
                if partition not in self.terms:
                    self.changes += 1
                self.terms[partition] = owner.term
                continue
            self.terms.pop(partition, None)
            if partition in wanted and partition not in self._claimed:
                self._claimed[partition] = self._register.claim(partition, self._node, owner)
        for partition, promise in [one for one in self._claimed.items() if one[1].done()]:
            del self._claimed[partition]
            if isinstance(promise.exception(), NoAnswer):
                continue
            claimed = promise.result()
            if claimed is not None:
                self.changes += 1
                self.terms[partition] = claimed.term


def always_owned(setting: str, partitions: int) -> frozenset[int] | None:
    """What the setting says: all, or numbers separated by commas; None where it is empty. Raises
    ValueError."""
    if not setting:
        return None
    if setting == "all":
        return frozenset(range(partitions))
    found = frozenset(int(word) for word in setting.split(","))
    if not found <= frozenset(range(partitions)):
        raise ValueError(f"partitions are 0 to {partitions - 1}")
    return found
