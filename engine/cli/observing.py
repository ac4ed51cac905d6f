"""Observing a node from outside: what its processes, followers and rings show, for `status`, `top`, `doctor`
and `health`. Nothing waits on the node but the questions to followers, and these not for long."""

import contextlib
import json
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from typing import Any

from engine.base.errors import RingfoldError
from engine.cli.asking import Follower, ask, followers
from engine.node.data_directory import DataDirectory
from engine.node.description import read_description
from engine.node.endpoints import Endpoints
from engine.node.failure import Failure, read_failure
from engine.node.overview import notices, with_lags
from engine.node.roles import INPUT, READER
from engine.node.status import StatusPage

PATIENCE_S = 0.5  # for one that does not answer because it is busy, or gone


class Observation:
    """A running node as it is now.

    `rows`: the words of each process by its name, with `lag`, and of followers `lag_s`, `other_code`.
    `silent`: the processes of followers that were asked and did not answer.
    """

    def __init__(self, data: DataDirectory, node: Endpoints, *, ask_followers: bool = True) -> None:
        self.data, self.node = data, node
        self.followers = followers(node)
        with StatusPage.attach(node.status) as page:
            snapshot, slot = page.snapshot(), page.slot(INPUT.name)
            self.silent_logs = slot.silent
            self.clock_behind_ms, self.scrub_left = slot.clock_behind_ms, page.slot(READER.name).scrub_left
        self.rows = with_lags(snapshot, node)
        self.silent: set[str] = set()
        if ask_followers:
            for follower in self.followers:
                self._ask(follower)
            if self.silent:
                with contextlib.suppress(RingfoldError, OSError):
                    self._look_up_lags()

    def _ask(self, follower: Follower) -> None:
        row = self.rows[follower.role.name]
        try:
            lags = ask(follower, "lag", timeout_s=PATIENCE_S)
            row["lag_s"] = max(lag["seconds"] for lag in lags.values())
            if follower.kind == "view":
                row["other_code"] = ask(follower, "versions", timeout_s=PATIENCE_S)["served"]["other_code"]
        except RingfoldError:
            self.silent.add(follower.role.name)

    def _look_up_lags(self) -> None:
        """The lags of those that do not answer, from the shared meters and the event stores."""
        from engine.reading.lags import applied_by, lag_behind  # the stores are opened only if there is need
        from engine.reading.stores import Stores

        partitions = self.node.partitions
        with (
            read_description(self.node.run).meters() as meters,
            closing(Stores(self.data.path)) as stores,
        ):
            stored, now_ns = stores.positions(), self.data.clock.now_ns()
            for name in sorted(self.silent):
                row, line = self.rows[name], meters.lines[name]
                applied = applied_by(line, partitions) or [row["position"]] * (partitions == 1)  # of a worker
                if row["lag_s"] is None and applied:
                    row["lag"], row["lag_s"] = lag_behind(stores, stored, applied, now_ns)

    @property
    def notices(self) -> list[str]:
        """What an operator should know of the whole node, a line each."""
        return notices(self.data, self.clock_behind_ms, self.scrub_left)

    def failures(self) -> Mapping[str, Failure]:
        """Why followers were given up, by the name of their process."""
        found = {}
        for follower in self.followers:
            name = follower.role.name
            failure = read_failure(self.data.failure(name)) if self.rows[name]["state"] == "failed" else None
            if failure is not None:
                found[name] = failure
        return found

    def not_at_work(self) -> list[str]:
        """The processes that are in any other state than running."""
        return [name for name, row in self.rows.items() if row["state"] != "running"]

    @cached_property
    def described(self) -> dict[str, Any]:
        """What the supervisor told the processes: `config`, `roles`, and `origins` of settings. Empty if the
        node has just stopped."""
        try:
            found: dict[str, Any] = json.loads((self.node.run / "node.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return found

    def rings(self) -> dict[str, tuple[int, int]]:
        """(bytes that wait, capacity) of each ring, by its name."""
        from ringbuffer import RingError, backlog_of  # not for commands that ask for none

        found = {}
        for file in sorted((self.node.run / "rings").iterdir()):
            with contextlib.suppress(OSError, RingError):
                found[file.name] = backlog_of(file)
        return found
