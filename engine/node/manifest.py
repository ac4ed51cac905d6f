"""The manifest of a data directory: what was decided when it was made and must never change."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_file, replace_note
from engine.base.errors import ConfigError, CorruptData, Fault
from engine.base.files import DISK, Files
from engine.base.identity import INDEX_KEY_BYTES
from engine.base.seals import is_note, unseal_note
from engine.node.clock import SYSTEM

FORMAT = 7  # of everything in a data directory: raised whenever a format in it changes


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that are fixed for the life of a data directory. `fingerprint`: of the application's
    reference data. `index_key`: in hex, random; it belongs to every copy of the directory too. `clock`: as
    the setting has it; `begun_ns`: the system's time when the directory was made."""

    format: int
    app: str
    fingerprint: str
    partitions: int
    index_key: str
    created: str
    clock: str
    begun_ns: int


class _Format(msgspec.Struct):
    """The part of a manifest that every format has."""

    format: int


def new_manifest(
    app: str, fingerprint: str, partitions: int, index_key: bytes = b"", clock: str = SYSTEM
) -> Manifest:
    """The manifest of a directory that is made now. `index_key`: random, unless a test fixes it."""
    return Manifest(
        format=FORMAT,
        app=app,
        fingerprint=fingerprint,
        partitions=partitions,
        index_key=(index_key or os.urandom(INDEX_KEY_BYTES)).hex(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        clock=clock,
        begun_ns=time.time_ns(),
    )


def read_manifest(path: Path, files: Files = DISK) -> Manifest:
    """What a directory was made with. ConfigError: it is not a data directory, or one of another format;
    Fault, CorruptData: its manifest cannot be read."""
    try:
        body = read_file(path, files)
    except FileNotFoundError:
        raise ConfigError("not a data directory", path=path.parent, hint="start a node on it once") from None
    except OSError as error:
        raise Fault("the manifest cannot be read", path=path, error=error) from None
    try:
        text = unseal_note(body) if is_note(body) else body  # manifests of older formats have no seal
        number = msgspec.json.decode(text, type=_Format).format
        if number == FORMAT:
            return msgspec.json.decode(unseal_note(body), type=Manifest)
    except NOT_DECODABLE as error:
        raise CorruptData("the manifest is damaged", path=path, error=error) from None
    raise ConfigError("the data directory has another format", path=path, found=number, wanted=FORMAT)


def write_manifest(path: Path, manifest: Manifest, files: Files = DISK) -> None:
    """Makes the manifest, durably. Raises Fault."""
    try:
        replace_note(path, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n", files)
    except OSError as error:
        raise Fault("the manifest cannot be written", path=path, error=error) from None
