"""Logs that lose what stores have: it is named, nothing is skipped, and the stores give it back."""

import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine import Client, EventLog, Node
from engine.cluster.jetstream import JetStreamDecisions, make_streams, stream_of
from engine.cluster.link import Link, servers_of
from engine.node.data_directory import DataDirectory
from engine.store.kept import kept_upto
from engine.store.place import decode_place
from engine.wire.batches import Batch
from engine.wire.replicated import NO_DIGEST, Decision, digest_of
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


@pytest.mark.slow
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


@pytest.mark.smoke
def test_commands_whose_log_was_lost_are_not_taken_for_old_ones() -> None:
    names = [f"shelf-{number}" for number in range(10)]
    with cluster(APP) as made:
        node = made.start("one")
        sell(node, names)
        assert node.stop() == 0
        with closing(Link(servers_of(made.servers.urls), "test")) as link:
            link.ask(link.streams.delete_stream(stream_of("ringfold", "C", 0)), 10)
            link.ask(make_streams(link, "ringfold", 1, 1, 1 << 28), 10)
        settings = SMALL | made.settings() | {"app": APP, "data": made.folder / "one", "node": "one"}
        flags = [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
        done = ringfold("serve", *flags, timeout_s=60)
        assert done.returncode == 2
        assert "ends before what is decided" in done.stderr
        assert made.ringfold("verify", code=4)["data"]["problems"][0]["partition"] == 0
        assert len(made.ringfold("repair")["data"]["done"]) == 1
        node = made.start("one")
        sell(node, ["after"])
        assert commits(made, "one") == [*names, "after"]


@pytest.mark.slow
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
        copied = ringfold("restore", str(made.folder / "one"), "--data", str(made.folder / "three"))
        assert copied.returncode == 0, copied.stderr
        third = made.start("three")
        until(lambda: made.owner(0) == "three", 20)
        sell(third, ["of the third"])
        assert commits(made, "three") == [*names, "later", "last", "of the third"]


@pytest.mark.slow
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


def fill(made: Cluster, count: int, size: int) -> None:
    """So many decisions of a size, as they are in a log; no node runs."""
    body = b""
    with closing(Link(servers_of(made.servers.urls), "test")) as link:
        log = JetStreamDecisions(link, "ringfold", 0)
        for number in range(1, count + 1):
            padding = Batch(number, number, number, 1, os.urandom(size), b"", b"", b"", b"", b"")
            before = digest_of(body) if body else NO_DIGEST
            body = Decision(0, 0, number, number, b"", before, [padding]).encode()
            assert log.append(body, number - 1).result(10) == number


def damage(made: Cluster, server: int) -> Path:
    """Flips a bit in the largest block that a server has of the log of decisions; the folder of its copy."""
    folder = made.servers.folder / f"js{server}" / "jetstream" / "$G" / "streams" / "ringfold-E-0"
    block = max((folder / "msgs").glob("*.blk"), key=lambda path: path.stat().st_size)
    with block.open("r+b") as file:
        file.seek(block.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))
    return folder


@pytest.mark.slow
def test_a_copy_that_rotted_is_named_by_server_and_made_again_by_the_other_servers() -> None:
    with cluster(APP, servers=3) as made:
        fill(made, 300, 64 << 10)
        leader = made.ringfold("status", code=75)["data"]["partitions"][0]["decisions"]["leader"]
        server = (int(leader[1:]) + 1) % 3
        made.servers.kill(server)
        folder = damage(made, server)
        made.servers.start(server)

        def problems() -> list[dict[str, Any]]:
            done = ringfold("cluster", "verify", *flags_of(made), "--json", timeout_s=60)
            if done.returncode == 4:
                return list(json.loads(done.stdout)["data"]["problems"])
            return []

        found = until(problems, 40, "the damaged copy is named")  # which may have served the reader, too
        (problem,) = [one for one in found if "are gone from this copy" in one["text"]]
        assert (problem["partition"], problem["server"]) == (0, f"n{server}")
        left = made.ringfold("repair", code=75)["data"]["left"]
        assert left == [f"stop server n{server}, remove {folder}, and start it again"]
        made.servers.kill(server)
        shutil.rmtree(folder)
        made.servers.start(server)

        def sound() -> bool:
            done = ringfold("cluster", "verify", *flags_of(made), "--json", timeout_s=60)
            well = ringfold("cluster", "status", *flags_of(made), "--json", timeout_s=60)
            return done.returncode == 0 and "copy-behind" not in well.stdout

        assert until(sound, 60, "it has made its copy again")


def flags_of(made: Cluster) -> list[str]:
    """The settings of a cluster as flags."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in made.settings().items()]
