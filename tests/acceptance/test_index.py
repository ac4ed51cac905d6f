"""Two aggregates with one key in the index: the later one is refused alone, now and at every start."""

from pathlib import Path

import lmdb

from engine import Aggregate, Client, Command, Engine, Event, Node, applies, handles
from engine.base.identity import aggregate_key
from engine.base.seals import seal
from engine.node.data_directory import DataDirectory


class Count(Command, name="index.count"): ...


class Counted(Event, name="index.counted"): ...


app = Engine("index")


@app.aggregate
class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...


def take_the_place_of(data: DataDirectory, aggregate: str) -> None:
    """A row as an aggregate with the same key would have left it. No pair of sixteen bytes is known."""
    key = aggregate_key(data.index_key, aggregate) + (1).to_bytes(8, "big")
    with lmdb.open(str(data.store(0)), map_size=data.map_bytes, max_dbs=8) as env:
        versions = env.open_db(b"versions")
        with env.begin(write=True) as txn:
            txn.put(key, seal(key, (1).to_bytes(8, "big")), db=versions)


def test_an_aggregate_whose_place_in_the_index_is_taken_is_refused_alone_now_and_at_every_start(
    tmp_path: Path,
) -> None:
    folder, log = tmp_path / "data", tmp_path / "log"
    data = DataDirectory(folder)
    with Node(folder, app=f"{__name__}:app", log=log) as node, Client(node.endpoints) as client:
        assert client.send(Count("a")).ok
        take_the_place_of(data, "b")
        commands = [Count("a"), Count("b"), Count("c"), Count("a")]
        receipts = client.send_many(commands)
        assert [receipt.outcome for receipt in receipts] == ["committed", "failed", "committed", "committed"]
        assert receipts[1].code == "cannot-be-stored"
        assert [receipt.version for receipt in receipts if receipt.ok] == [2, 1, 3]
        assert client.send(commands[1]).code == "cannot-be-stored", "sent again it is answered the same"
        node.kill()
    for _ in range(2):
        with Node(folder, app=f"{__name__}:app", log=log) as node, Client(node.endpoints) as client:
            assert client.send(commands[1]).code == "cannot-be-stored"
            assert client.send(Count("c")).ok
