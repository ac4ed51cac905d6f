"""Who sends, as people read it."""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cli.sending import Sending, flooder, lines_of, program_in, senders_of
from engine.node.senders import Seen, Sender, path_of, write_senders


def seen(run: Path, senders: dict[str, list[Sender]]) -> Any:
    for process, some in senders.items():
        write_senders(path_of(run, process), Seen(time.monotonic(), len(some), 0, 0, some))
    rows = {"input": {"pid": 1}, "gateway": {"pid": 2}}
    return SimpleNamespace(rows=rows, node=SimpleNamespace(run=run))


def test_clients_of_one_process_are_one_and_parts_of_the_node_have_their_names(tmp_path: Path) -> None:
    own = os.getpid()
    told = seen(
        tmp_path,
        {
            "input": [
                Sender("client a", 60, 10, own),
                Sender("client b", 80, 0, 2),
                Sender("client c", 50, 5, own),
                Sender("client d at 10.0.0.7\x1b", 1, 0),
            ],
            "gateway": [Sender("shop from 10.0.0.9", 70, 0)],
        },
    )
    first, *rest = lines_of(senders_of(told))
    assert first.startswith("senders: ")
    assert f"(pid {own}, 2 clients) 110/s, 15/s turned away" in first
    assert "; gateway 80/s; client d at 10.0.0.7\\x1b 1.0/s" in first
    assert rest == ["by HTTP: shop from 10.0.0.9 70/s"]


def test_a_flood_by_http_is_followed_to_its_caller() -> None:
    senders = {
        "input": [Sending("gateway", 900, 800), Sending("x (pid 3)", 950, 0)],
        "gateway": [Sending("shop from 10.0.0.9", 880, 790), Sending("ann from 10.0.0.8", 20, 10)],
    }
    assert flooder(senders) == (
        "gateway 900/s, 800/s turned away, there shop from 10.0.0.9 880/s, 790/s turned away"
    )
    assert flooder({"input": [Sending("x", 100, 0)]}) == ""
    assert flooder({}) == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["/usr/bin/python3", "-u", "-m", "shop.feed", "--token", "secret"], "python3 -m shop.feed"),
        (["python", "feed.py", "--password=secret"], "python feed.py"),
        (["feed", "--token=secret"], "feed"),
        (["python", "-c", "secret"], "python -c"),
        ([], "a program"),
    ],
)
def test_a_program_is_told_of_without_what_may_be_a_secret(arguments: list[str], told: str) -> None:
    assert program_in(arguments) == told
