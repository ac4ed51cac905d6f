"""A copy of a log rots: one server's file of decisions is damaged while it is down, and then it leads."""

import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from engine import Node
from engine.base.errors import Fault
from engine.cluster.founding import monitors_of
from engine.cluster.jetstream import FAILURES, stream_of
from engine.cluster.link import Link, servers_of
from engine.cluster.repairing import lead_elsewhere
from engine.cluster.servers import Servers
from engine.cluster.verifying import damaged_copies
from engine.node.config import Config
from tests.deadline import until

SETTLE_S = 60.0
STEPDOWN = "$JS.API.STREAM.LEADER.STEPDOWN"
REFUSED = (2, 4)  # exit codes: the log says that it lacks messages; they are missed where they are read


class Rot:
    """Damage to one of three copies of the decisions of a partition. `named`: what `verify` said of it;
    `broken`: what should not have been."""

    def __init__(self, servers: Servers, config: Config, partition: int, draw: random.Random) -> None:
        self.named = ""
        self.broken: list[str] = []
        self._servers, self._config, self._draw = servers, config, draw
        self._name, self._stream = config.cluster_name, stream_of(config.cluster_name, "E", partition)

    def come(self, late: Callable[[], Node]) -> Node:
        """It comes; a node that comes late is refused by the damaged copy, and served once that is made
        again. Returns that node."""
        with closing(Link(servers_of(self._config.cluster), "rot")) as link:
            server = (self._number(self._leader(link)) + 1) % self._servers.count
            self._servers.kill(server)
            how = damage(self._folder(server), self._draw)
            self._servers.start(server)
            found = until(self._found, SETTLE_S, f"the damage ({how}) is named")
            self.named = f"{how}: {found}"
            if f"n{server}" not in found:
                self.broken.append(f"another copy is named than that of n{server}: {found}")
            self._have_it_lead(link, f"n{server}")
            self._expect_refusal(late())
            lead_elsewhere(link, self._stream, f"n{server}")
            self._servers.kill(server)
            shutil.rmtree(self._folder(server))
            self._servers.start(server)
            until(lambda: self._sound(link), SETTLE_S, "the copy is made again")
        return late().start()

    def _expect_refusal(self, late: Node) -> None:
        """What the damaged copy lacks is missed, and not skipped."""
        try:
            late.start()
        except Fault as error:
            if error.facts.get("exit_code") not in REFUSED:
                self.broken.append(f"a node that misses decisions did not end by that: {error}")
            return
        late.stop()
        self.broken.append("a node was served by a copy that lacks decisions")

    def _found(self) -> str:
        with suppress(Fault):
            found = damaged_copies(self._name, monitors_of(self._config), [])
            return "; ".join(
                f"partition {one.partition}, {one.server}, {one.sequences}, {one.text}" for one, *_ in found
            )
        return ""

    def _sound(self, link: Link) -> bool:
        try:
            info: Any = link.ask(link.quick.stream_info(self._stream), 5)
        except FAILURES:
            return False
        return not self._found() and all(one.current for one in info.cluster.replicas)

    def _leader(self, link: Link) -> str:
        def leader() -> str:
            with suppress(*FAILURES):
                info: Any = link.ask(link.quick.stream_info(self._stream), 5)
                return str(info.cluster.leader or "")
            return ""

        return until(leader, SETTLE_S, "the log has a leader")

    def _have_it_lead(self, link: Link, server: str) -> None:
        wish = json.dumps({"placement": {"preferred": server}}).encode()

        def leads() -> bool:
            if self._leader(link) == server:
                return True
            with suppress(*FAILURES):
                link.ask(link.client.request(f"{STEPDOWN}.{self._stream}", wish, timeout=3), 5)
            return False

        until(leads, SETTLE_S, "the damaged copy leads")

    def _folder(self, server: int) -> Path:
        return self._servers.folder / f"js{server}" / "jetstream" / "$G" / "streams" / self._stream

    @staticmethod
    def _number(server: str) -> int:
        return int(server.removeprefix("n"))


def damage(folder: Path, draw: random.Random) -> str:
    """Flips a bit in a full block of a stream, or cuts it in half; what was done."""
    blocks = sorted((folder / "msgs").glob("*.blk"), key=lambda path: int(path.stem))
    assert len(blocks) > 1, f"too little is decided to rot: {[block.stat().st_size for block in blocks]}"
    block, how = blocks[0], draw.choice(["bit", "cut"])
    middle = block.stat().st_size // 2
    if how == "cut":
        os.truncate(block, middle)
        return how
    with block.open("r+b") as file:
        file.seek(middle)
        byte = file.read(1)[0]
        file.seek(middle)
        file.write(bytes([byte ^ 0x10]))
    return how
