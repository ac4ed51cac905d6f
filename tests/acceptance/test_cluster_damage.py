"""Logs that lose what stores have: it is named, nothing is skipped, and the stores give it back."""

import shutil
from contextlib import closing
from typing import Any

from engine import Client, EventLog, Node
from engine.cluster.jetstream import make_streams, stream_of
from engine.cluster.link import Link, servers_of
from engine.node.data_directory import DataDirectory
from engine.store.kept import kept_upto
from engine.store.place import decode_place
from examples.stock import Take
from tests.acceptance.clusters import SMALL, Cluster, cluster
from tests.acceptance.kit import ringfold
from tests.deadline import until

APP = "examples.stock:app"


def sell(node: Node, names: list[str]) -> None:
    """Commits one command for each name, one after the other, so that each is a decision."""
    with Client(node.endpoints) as client:
        for name in names:
            assert client.send(Take(name, count=1), timeout_s=20).outcome == "committed"


def commits(made: Cluster, name: str) -> list[str]:
    """The aggregates of all commits in a store, in order."""
    with EventLog(made.folder / name) as log:
        return [entry.commit.aggregate for entry in log.read()]


def shorten(made: Cluster, count: int) -> int:
    """Takes so many messages from the end of a log of decisions; the number that it has then."""
    name = "ringfold"
    stream, data = stream_of(name, "E", 0), DataDirectory.at(made.folder / "one")
    with closing(Link(servers_of(made.servers.urls), "test")) as link:
        info: Any = link.ask(link.streams.stream_info(stream), 10)
        left = info.state.last_seq - count
        bodies = [link.ask(link.streams.get_msg(stream, at), 10).data for at in range(1, left + 1)]
        link.ask(link.streams.delete_stream(stream), 10)
        link.ask(make_streams(link, name, 1, 1, 1 << 28), 10)
        for body in bodies:
            link.ask(link.streams.publish(f"{name}.E.0", body or b""), 10)
    with closing(data.reader(0)) as reader:
        place = decode_place(reader.place())
    assert place.decision == left + count
    assert len(kept_upto(data.store(0), place)) == left + count
    return int(left)


def test_a_log_that_was_shortened_is_named_refused_and_given_back_by_a_store() -> None:
    names = [f"shelf-{number}" for number in range(30)]
    with cluster(APP) as made:
        node = made.start("one")
        sell(node, names)
        assert node.stop() == 0
        assert made.ringfold("verify", "--store", str(made.folder / "one"))["data"]["problems"] == []
        left = shorten(made, 10)
        (problem,) = made.ringfold("verify", "--store", str(made.folder / "one"), code=4)["data"]["problems"]
        assert (problem["partition"], problem["sequences"]) == (0, f"{left + 1}..{left + 10}")
        assert "ahead of the log" in problem["text"]
        told = serve_until_it_ends(made, "one")
        assert "the store is ahead of the log" in told
        assert "partition=0" in told
        done = made.ringfold("repair", "--store", str(made.folder / "one"))["data"]
        assert len(done["done"]) == 1
        assert made.ringfold("verify", "--store", str(made.folder / "one"))["data"]["problems"] == []
        node = made.start("one")
        sell(node, ["more"])
        second = made.start("two")
        until(lambda: commits(made, "two") == [*names, "more"], 20, "the second node follows all of it")
        assert node.stop() == second.stop() == 0
        assert commits(made, "one") == [*names, "more"]


def serve_until_it_ends(made: Cluster, name: str) -> str:
    """The log of a node that does not stay; its exit code is 4."""
    settings = SMALL | made.settings() | {"node": name, "app": made.app, "data": made.folder / name}
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
    done = ringfold("serve", *flags, timeout_s=60)
    assert done.returncode == 4, done.stderr
    return done.stderr


def test_when_all_servers_lost_everything_the_logs_begin_behind_the_most_advanced_store() -> None:
    names = [f"shelf-{number}" for number in range(20)]
    with cluster(APP) as made:
        nodes = [made.start("one"), made.start("two")]
        sell(nodes[0], names)
        until(lambda: commits(made, "two") == names, 20)
        assert nodes[1].stop() == 0
        sell(nodes[0], ["later"])
        assert nodes[0].stop() == 0
        made.servers.stop()
        shutil.rmtree(made.servers.folder / "js0")
        made.servers.start(0)
        made.servers.wait_until_ready()
        told = made.ringfold("init", "--from", str(made.folder / "one"))["data"]
        assert told["appended"] > 20
        nodes = [made.start("one"), made.start("two")]
        until(lambda: commits(made, "two") == [*names, "later"], 20, "what it lacked was kept")
        sell(nodes[1], ["last"])
        until(lambda: commits(made, "one") == commits(made, "two") == [*names, "later", "last"], 20)
        assert made.ringfold("verify")["data"]["problems"] == []
        assert [node.stop() for node in nodes] == [0, 0]


def test_a_node_that_was_alone_moves_into_a_cluster_and_another_one_joins_with_a_copy() -> None:
    names = [f"shelf-{number}" for number in range(20)]
    with cluster(APP) as made:
        settings = SMALL | {"partitions": 2}
        with Node(made.folder / "one", app=APP, settings=settings, log=made.folder / "log") as alone:
            sell(alone, names)
        before = sorted(commits(made, "one"))
        made.ringfold("init", "--from", str(made.folder / "one"), cluster_name="other", code=0)
        copied = ringfold("restore", str(made.folder / "one"), "--data", str(made.folder / "two"))
        assert copied.returncode == 0, copied.stderr
        nodes = [made.start(name, cluster_name="other") for name in ("one", "two")]
        sell(nodes[0], ["first", "second", "third"])
        wanted = sorted([*before, "first", "second", "third"])
        until(lambda: sorted(commits(made, "two")) == wanted == sorted(commits(made, "one")), 20)
        assert [node.stop() for node in nodes] == [0, 0]
        empty = SMALL | made.settings() | {"app": APP, "data": made.folder / "three", "cluster_name": "other"}
        done = ringfold("serve", *(f"--{key.replace('_', '-')}={value}" for key, value in empty.items()))
        assert done.returncode == 2, done.stderr
        assert "ends before the logs of the cluster begin" in done.stderr
