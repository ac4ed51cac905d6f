"""A cluster as an operator founds it and looks at it: servers that cannot be trusted are refused."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine import Client
from engine.cluster.founding import monitors_of
from engine.cluster.servers import Servers
from engine.model.loading import load_app
from engine.node.config import Config
from engine.reading.metrics import Metrics
from engine.snapshots import code_mark
from examples.stock import Take
from tests.acceptance.clusters import cluster
from tests.acceptance.kit import one_line, ringfold
from tests.deadline import until

APP = "examples.stock:app"
FLAGS = ("--app", APP, "--partitions", "1", "--cluster-replicas", "1")


def refused(servers: Servers, *flags: str) -> str:
    """The one line with which `cluster init` refuses; exit code 2."""
    where = ("--cluster", servers.urls, "--cluster-monitors", servers.monitors)
    done = ringfold("cluster", "init", *FLAGS, *where, *flags)
    assert done.returncode == 2, done.stdout + done.stderr
    return one_line(done.stderr)


def test_a_cluster_is_founded_once_and_shows_owner_lag_and_leaders(tmp_path: Path) -> None:
    with cluster(APP, partitions=2) as made:
        again = made.ringfold("init")["data"]
        assert (again["new"], again["partitions"]) == (False, 2)
        lonely = made.ringfold("status", code=75)
        assert [one["code"] for one in lonely["diagnostics"]] == ["no-owner", "no-owner"]
        node = made.start("one")
        until(lambda: made.owner(0) and made.owner(1), 20)
        with Client(node.endpoints) as client:
            for number in range(20):
                assert client.send(Take(f"shelf-{number}", count=1)).outcome == "committed"
        with Metrics(node.endpoints, "test") as metrics:
            told = until(lambda: cluster_samples(metrics), 10, "the metrics of the cluster are there")
        assert told["ringfold_cluster_owner", "0", "one"] == told["ringfold_cluster_owner", "1", "one"] == 1
        assert told["ringfold_cluster_term", "1"] == 1
        assert told["ringfold_cluster_owner_changes",] == 2
        assert told["ringfold_cluster_lag_events", "one"] == 0
        seen = until(lambda: made.ringfold("status"), 20)["data"]
        assert [one["owner"] for one in seen["partitions"]] == ["one", "one"]
        assert sum(one["position"] for one in seen["partitions"]) == 20
        assert [one["term"] for one in seen["partitions"]] == [1, 1]
        assert [one["waiting"] for one in seen["partitions"]] == [0, 0]
        (mine,) = seen["nodes"]
        assert (mine["node"], mine["owns"]) == ("one", [0, 1])
        mark = code_mark(load_app(APP, {}))
        assert {mine["code"], *(one["code"] for one in seen["partitions"])} == {mark}
        (server,) = seen["servers"]
        assert server["sync_always"] is True
        assert {one["decisions"]["leader"] for one in seen["partitions"]} <= {server["server"], ""}


def cluster_samples(metrics: Metrics) -> dict[tuple[str, ...], Any]:
    """(name, labels …) → value of the metrics of a cluster, once both partitions have an owner."""
    found = {(one.name, *one.labels): one.value for one in metrics.samples() if "_cluster_" in one.name}
    return found if found.get(("ringfold_cluster_term", "1")) else {}


def test_a_cluster_of_another_application_is_refused() -> None:
    with cluster(APP) as made:
        told = made.ringfold("init", app="examples.notes:app", code=2)
        assert "another application" in told["diagnostics"][0]["text"]
        assert "number of partitions" in made.ringfold("init", partitions=4, code=2)["diagnostics"][0]["text"]


def test_a_log_that_was_deleted_is_named_by_each_command_and_made_again() -> None:
    from engine.cluster.link import Link, servers_of

    with cluster(APP) as made:
        with closing(Link(servers_of(made.servers.urls), "test")) as link:
            link.ask(link.streams.delete_stream("ringfold-C-0"), 10)
        for command in ("status", "verify", "repair"):
            (told,) = made.ringfold(command, code=2)["diagnostics"]
            assert "a log of the cluster is not there" in told["text"], command
        made.ringfold("init")
        assert made.ringfold("verify")["data"]["problems"] == []


def test_servers_too_few_for_the_copies_are_refused_at_once(tmp_path: Path) -> None:
    with Servers(tmp_path / "nats", 1) as servers:
        monitors = ",".join([servers.monitors] * 3)
        assert "too few servers for so many copies" in refused(
            servers, "--cluster-replicas=3", f"--cluster-monitors={monitors}"
        )


def test_a_copy_that_cannot_be_looked_at_is_named_and_the_others_are_verified() -> None:
    with cluster(APP) as made:
        monitors = f"{made.servers.monitors},http://127.0.0.1:1"
        told = made.ringfold("verify", code=75, cluster_monitors=monitors)
        assert told["data"]["problems"] == []


@pytest.mark.parametrize(
    ("sync", "payload", "flags", "told"),
    [
        ("", "8MB", (), "says that it has what is not on its disk"),
        ("always", "1MB", (), "takes no message as large as a batch"),
    ],
)
def test_servers_that_cannot_be_trusted_are_refused_by_one_line(
    tmp_path: Path, sync: str, payload: str, flags: tuple[str, ...], told: str
) -> None:
    with Servers(tmp_path / "nats", 1, sync=sync, payload=payload) as servers:
        assert told in refused(servers, *flags)


def test_logs_with_fewer_copies_than_asked_for_are_refused_at_the_start_of_a_node() -> None:
    with cluster(APP) as made:
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in made.settings().items()]
        flags += [f"--cluster-monitors={','.join([made.servers.monitors] * 3)}"]
        flags += ["--cluster-replicas=3", "--app", APP, "--data", str(made.folder / "one")]
        done = ringfold("serve", *flags)
        assert done.returncode == 2
        assert "has too few copies" in one_line_of_log(done.stderr)


def test_a_server_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from engine.cluster import witness
    from engine.cluster.link import Link, servers_of

    with Servers(tmp_path / "nats", 1) as servers, closing(Link(servers_of(servers.urls), "test")) as link:
        monitors = monitors_of(Config(cluster_monitors=servers.monitors))
        assert list(witness.wrong_with_servers(link, monitors)) == []
        monkeypatch.setattr(witness, "LEAST_VERSION", (99, 0))
        found = [wrong.text for wrong in witness.wrong_with_servers(link, monitors)]
        assert found == ["the NATS server is too old", f"the NATS server at {monitors[0]} is too old"]


def test_without_a_cluster_nats_is_not_imported() -> None:
    """What a node that is alone runs and what looks at it imports nothing of NATS."""
    program = """
import pkgutil, sys, importlib, engine.processes, engine.cli
for package in (engine.processes, engine.cli):
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("cluster_") or module.name in ("member", "standby"):
            continue
        importlib.import_module(f"{package.__name__}.{module.name}")
import engine.supervisor.supervisor, engine.testing
assert not [name for name in sys.modules if name == "nats" or name.startswith("nats.")]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def one_line_of_log(text: str) -> str:
    """The line of the log of a node that says why it does not start."""
    return next(line for line in text.splitlines() if "ringfold:" in line or "error" in line)
