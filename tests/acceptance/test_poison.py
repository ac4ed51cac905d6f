"""Commands that end the process that runs them, or never end themselves: set aside after the third time, and
the node goes on."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from engine import Aggregate, Client, Command, Engine, Event, Node, applies, handles
from engine.journal.poisoned import read_poisoned


class Count(Command, name="poison.count"):
    how: str = ""


class Counted(Event, name="poison.counted"): ...


class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        if command.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while command.how == "hang":
            pass
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...


def create(settings: Mapping[str, str]) -> Engine:
    app = Engine("poison")
    app.aggregate(Counter)
    return app


def test_a_command_that_kills_its_process_three_times_is_set_aside_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = {"hang_seconds": 30}
    poisoned = Count("c", how="kill")
    with Node(data, app=f"{__name__}:create", settings=settings, log=tmp_path / "log") as node:
        with Client(node.endpoints) as client:
            commands = [Count("c"), Count("d"), poisoned, Count("c"), Count("d")]
            receipts = client.send_many(commands, timeout_s=30)
            assert [receipt.outcome for receipt in receipts] == [
                "committed", "committed", "failed", "committed", "committed"
            ]  # fmt: skip
            assert receipts[2].code == "poisoned"
            assert [receipt.version for receipt in receipts if receipt.ok] == [1, 1, 2, 2]
            assert client.send(poisoned).code == "poisoned", "sent again, it does no more harm"
        assert node.page is not None
        assert node.page.slot("core-0").restarts == 3
    assert read_poisoned(data / "poisoned-0000.json") == [3]
    again = Node(data, app=f"{__name__}:create", settings=settings, log=tmp_path / "log")
    with again as node, Client(node.endpoints) as client:
        assert client.send(poisoned).code == "poisoned"
        assert client.send(Count("c")).version == 3


def test_a_command_whose_handler_does_not_end_is_set_aside_in_replay_as_well(tmp_path: Path) -> None:
    """`start_seconds` is longer than the test may take, so a core that replays is held to `hang_seconds`."""
    data = tmp_path / "data"
    settings = {"hang_seconds": 1, "start_seconds": 600}
    endless = Count("c", how="hang")
    first = Node(data, app=f"{__name__}:create", settings=settings, log=tmp_path / "log")
    with first as node, Client(node.endpoints) as client:
        assert client.send(endless, wait="accepted").outcome == "accepted"
        node.kill()
    again = Node(data, app=f"{__name__}:create", settings=settings, log=tmp_path / "log")
    with again as node, Client(node.endpoints) as client:
        assert client.send(endless).code == "poisoned"
        assert client.send(Count("c")).version == 1
        assert node.page is not None
        assert node.page.slot("core-0").restarts == 3
