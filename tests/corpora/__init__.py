"""Hostile input as files: one message a file, and its name says what is wrong with it.

    commands/no-json, no-command     the gate refuses them as malformed
    commands/passes                  the gate lets them pass, and the core answers each alone
    queries                          to a view, a process manager or the reader
    frames/from-the-start            bytes of a connection that begins with them
    frames/after-the-handshake       bytes that follow a sound handshake

A file that is added is tried on the gate, the desk and a node without a further word.
"""

from pathlib import Path

ROOT = Path(__file__).parent


def corpus(name: str) -> dict[str, bytes]:
    """The files of a folder: name → bytes."""
    found = {path.name: path.read_bytes() for path in sorted((ROOT / name).iterdir())}
    assert found, f"{name} is empty"
    return found
