"""The disk of one of three servers is full: the others go on, and it is named until it is restarted."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from engine import Client
from engine.cluster.servers import Servers
from engine.cluster.watch import AGAIN_S
from tests.acceptance.clusters import Cluster
from tests.acceptance.test_poison import Count
from tests.cluster.missing import needs_servers
from tests.deadline import until

APP = "tests.acceptance.test_poison:create"
SMALL = "24m"
pytestmark = [needs_servers, pytest.mark.smoke]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own, which only root may have here."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def codes(made: Cluster, code: int) -> set[str]:
    """What `cluster status` remarks, but for copies, which may be behind for a moment."""
    found = {one["code"] for one in made.ringfold("status", code=code)["diagnostics"]}
    return found - {"copy-behind"}


def send_some(client: Client) -> bool:
    """Sends some commands, all of which are committed in the end; a leader that is lost costs some busy."""
    commands = [Count(f"c{number}", how="x" * 1_000) for number in range(200)]
    return until(lambda: all(one.ok for one in client.send_many(commands, timeout_s=20)), 60)


def is_disabled(servers: Servers) -> bool:
    """True if the first server says that it keeps nothing; False if it is not there, too."""
    try:
        return bool(servers.monitor(0, "jsz").get("disabled"))
    except OSError:
        return False


def test_a_server_whose_disk_was_full_is_named_and_the_nodes_go_on() -> None:
    with TemporaryDirectory(prefix="full-") as name:
        folder = Path(name)
        (folder / "nats").mkdir()
        with small_disk(folder / "nats" / "js0"), Servers(folder / "nats", 3) as servers:
            made = Cluster(folder, servers, APP, 1, {})
            made.ringfold("init")
            try:
                node = made.start("one")
                until(lambda: made.owner(0), 20)
                (folder / "nats" / "js0" / "filler").write_bytes(bytes(20 << 20))
                with Client(node.endpoints) as client:
                    until(lambda: send_some(client) and is_disabled(servers), 60, "its disk is full")
                    assert codes(made, 75) == {"server-disabled"}
                    (folder / "nats" / "js0" / "filler").unlink()
                    looked = time.monotonic() + 3 * AGAIN_S
                    until(lambda: send_some(client) and time.monotonic() > looked, 60)
                    assert is_disabled(servers), "NATS does not take up its work by itself"
                    assert not node.ended, "one server of three is a minority"
                    servers.kill(0, signal.SIGTERM)
                    servers.start(0)
                    until(lambda: send_some(client) and not is_disabled(servers), 60)
            finally:
                for node in made.nodes.values():
                    node.kill()
