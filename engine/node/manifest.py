"""The manifest of a data directory: what was decided when it was made and must never change."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.base.durable import write_atomically
from engine.base.errors import ConfigError, CorruptData, Fault

FORMAT = 1


def open_data(data: Path, app: str, fingerprint: str, partitions: int, partitions_given: bool) -> int:
    """Makes a data directory, or checks an existing one against the configuration; returns its partitions.

    Raises ConfigError if it belongs to another application, to other reference data, or has another
    number of partitions than was asked for; CorruptData if the manifest cannot be read.
    """
    path = data / "manifest.json"
    if not path.exists():
        if (data / "journal").exists():
            raise CorruptData("the data directory has a journal but no manifest", path=path)
        _write(path, app, fingerprint, partitions)
        return partitions
    stored = match_manifest(data, app, fingerprint)["partitions"]
    if stored != partitions and partitions_given:
        raise ConfigError("partitions cannot be changed", path=path, found=stored, wanted=partitions)
    return int(stored)


def match_manifest(data: Path, app: str, fingerprint: str) -> dict[str, Any]:
    """The manifest of a directory that is there. ConfigError if it is of another application or of other
    reference data."""
    path = data / "manifest.json"
    manifest = read_manifest(data)
    if manifest["format"] != FORMAT:
        raise ConfigError(
            "the data directory has another format", path=path, found=manifest["format"], wanted=FORMAT
        )
    if manifest["app"] != app:
        raise ConfigError(
            "the data directory belongs to another application", path=path, found=manifest["app"], wanted=app
        )
    if manifest["fingerprint"] != fingerprint:
        raise ConfigError(
            "the application's reference data is not what this data directory was made with",
            path=path,
            found=manifest["fingerprint"],
            wanted=fingerprint,
            hint="start with the settings and files of before, or with another data directory",
        )
    return manifest


def read_manifest(data: Path) -> dict[str, Any]:
    """What it was made with: format, app, fingerprint, partitions. Raises Fault, CorruptData."""
    path = data / "manifest.json"
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise Fault("the manifest cannot be read", path=path, error=error) from None
    except ValueError as error:
        raise CorruptData("the manifest is damaged", path=path, error=error) from None
    kinds = {"format": int, "app": str, "fingerprint": str, "partitions": int}
    if not isinstance(manifest, dict) or any(
        type(manifest.get(key)) is not kind for key, kind in kinds.items()
    ):
        raise CorruptData("the manifest is damaged", path=path)
    return manifest


def _write(path: Path, app: str, fingerprint: str, partitions: int) -> None:
    manifest = {
        "format": FORMAT,
        "app": app,
        "fingerprint": fingerprint,
        "partitions": partitions,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        write_atomically(path, json.dumps(manifest, indent=1) + "\n")
    except OSError as error:
        raise Fault("the manifest cannot be written", path=path, error=error) from None
