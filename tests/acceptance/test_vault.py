"""People's data: in the vault alone, and nowhere once a person is forgotten."""

import json
import os
import shutil
import signal
from functools import partial
from operator import eq
from pathlib import Path

from engine import Client, Node, Vault
from tests.acceptance.kit import SMALL, one_line, ringfold
from tests.acceptance.people import CheckIn, Guests
from tests.deadline import until

APP = "tests.acceptance.people:app"
NAMES = [f"Zhāng Wěimíng {k:03}" for k in range(20)]


def mentioned(folder: Path, texts: list[str]) -> list[str]:
    """Which of the texts stand in a file or a name, in any of the ways in which a text is written."""
    whole = b"".join(
        str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")
    )
    return [text for text in texts if any(way in whole for way in ways_to_write(text))]


def ways_to_write(text: str) -> tuple[bytes, ...]:
    return text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode()


def number_of(k: int) -> str:
    return f"110101199001{k:06}"


def test_after_forget_no_byte_of_the_data_directory_says_who_it_was_and_all_else_replays(
    tmp_path: Path,
) -> None:
    data, said = tmp_path / "data", NAMES + [number_of(k) for k in range(20)]
    settings = SMALL | {"snapshot_events": 5}
    node = Node(data, app=APP, settings=settings, log=tmp_path / "log")
    with node, Client(node.endpoints) as client:
        tokens = [
            client.query(
                Vault.put, identity=f"id:{number_of(k)}", record={"name": name, "number": number_of(k)}
            )
            for k, name in enumerate(NAMES)
        ]
        for k, token in enumerate(tokens * 10):
            assert client.send(CheckIn(f"house-{k % 10}", guest=token), wait="projected:guests").ok
        assert client.query(Vault.find, identity=f"id:{number_of(3)}") == tokens[3]
        assert client.query(Vault.get, token=tokens[3]) == {"name": NAMES[3], "number": number_of(3)}
        assert len(mentioned(data, said)) == 40, "or the search below would find nothing either"
        before = node.pids["worker-vault"]
        os.kill(before, signal.SIGKILL)
        until(lambda: node.pids["worker-vault"] not in (0, before) and node.at_work(), 20)
        assert all(client.query(Vault.forget, token=token) for token in tokens)
        assert client.query(Vault.get, token=tokens[3]) is None
        assert mentioned(data, said) == []
        houses = {f"house-{k}": client.query(Guests.of, house=f"house-{k}") for k in range(10)}
        assert ringfold("view", "rebuild", "guests", f"--data={data}").returncode == 0
        for house, guests in houses.items():
            client.until(Guests.of, house=house, predicate=partial(eq, guests))
    checked = ringfold("replay-check", f"--app={APP}", f"--data={data}")
    assert checked.returncode == 0, checked.stderr
    with node, Client(node.endpoints) as client:
        assert {house: client.query(Guests.of, house=house) for house in houses} == houses
        assert client.query(Vault.forgotten) == sorted(tokens)
        assert client.query(Vault.put, identity=f"id:{number_of(3)}", record={}) not in tokens
    assert mentioned(tmp_path, said) == [], "nor does the log"


def test_who_was_forgotten_since_a_copy_was_made_stays_forgotten_when_it_is_restored(tmp_path: Path) -> None:
    data, copy, new = tmp_path / "data", tmp_path / "copy", tmp_path / "new"
    with Node(data, app=APP, settings=SMALL, log=tmp_path / "log") as node, Client(node.endpoints) as client:
        tokens = [client.query(Vault.put, identity=name, record={"name": name}) for name in NAMES[:3]]
        for token in tokens:
            assert client.send(CheckIn("house-1", guest=token), wait="projected:guests").ok
    shutil.copytree(data, copy)
    with Node(data, app=APP, settings=SMALL, log=tmp_path / "log") as node, Client(node.endpoints) as client:
        assert client.query(Vault.forget, token=tokens[0])
    refused = ringfold("restore", str(copy), f"--data={new}")
    assert refused.returncode == 2
    assert "there are people in this copy" in one_line(refused.stderr)
    forgotten = data / "workers" / "vault" / "people" / "forgotten"
    restored = ringfold("restore", str(copy), f"--data={new}", f"--forgotten={forgotten}")
    assert restored.returncode == 0, restored.stderr
    assert "forgotten again: 1" in restored.stdout
    assert mentioned(new, NAMES[:3]) == NAMES[1:3]
    with Node(new, app=APP, settings=SMALL, log=tmp_path / "log") as node, Client(node.endpoints) as client:
        assert client.query(Vault.get, token=tokens[0]) is None
        assert client.query(Vault.get, token=tokens[1]) == {"name": NAMES[1]}
        assert client.query(Guests.of, house="house-1") == tokens
        assert client.send(CheckIn("house-1", guest=tokens[0])).outcome == "unchanged"
        assert node.at_work(), "none was given up"
