"""The diagnosis of a node: everything that a person who was not there needs to know, a section for each kind.

Each section is gathered by itself. One that cannot be says why, because a diagnosis is wanted when something
is broken. Nothing is changed, and no secret is told (`engine.cli.masking`).
"""

import contextlib
import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import psutil

import engine.base
from engine.base.errors import RingfoldError
from engine.base.files import free_bytes
from engine.base.lock import is_held
from engine.base.runbook import Page
from engine.cli.apart import apart
from engine.cli.asking import ask
from engine.cli.findings import Level, Reason, findings_of, usual_thresholds
from engine.cli.letters import grouped
from engine.cli.log_tail import collapsed
from engine.cli.masking import masked, masked_setting
from engine.cli.measuring import Measured, two_looks
from engine.cli.observing import Observation
from engine.cli.sending import documents
from engine.cli.sizes import size_text
from engine.follow.dead_letters import DeadLetter
from engine.journal.poisoned import read_poisoned
from engine.journal.refused import read_refused
from engine.node.config import Settings, show
from engine.node.data_directory import DataDirectory
from engine.node.failure import read_failure
from engine.node.run_directory import bases
from engine.node.running import find_node
from engine.store.views import contents

PACKAGES = ("pyzmq", "lmdb", "msgspec", "orjson", "psutil", "numpy", "starlette", "uvicorn", "rich")
LEAST_SHARED_BYTES = 64 << 20  # what a container has, unless it is told otherwise
MOST_LETTERS = MOST_GROUPS = 10
MOST_OUTGOING = 5
MOST_LOG_BYTES = 1 << 20
OF_NODE = "of the running node"
TIMER_PREFIX = b"t"  # of the items of a process manager

Section = dict[str, Any]


def gathered(work: Callable[[], Section]) -> Section:
    """A section, or why it could not be gathered."""
    try:
        return work()
    except (RingfoldError, OSError, ValueError) as error:
        return {"problem": masked(str(error))}


def versions() -> Section:
    """What runs here."""
    found = {
        "ringfold": engine.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def machine(data: DataDirectory) -> Section:
    """What there is room for."""
    memory = psutil.virtual_memory()
    return {
        "cpus": os.cpu_count(),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "disk_free_bytes": free_bytes(data.path),
        "rings_free_bytes": {str(base): free_bytes(base) for base in bases()},
    }


def directory(data: DataDirectory) -> Section:
    """What the data directory is, and what it holds."""
    found: Section = {"path": str(data.path), "running": is_held(data.lock), "mode": data.open_to_others()}
    manifest = gathered(lambda: msgspec.structs.asdict(data.manifest))
    manifest.pop("index_key", None)  # it is a secret
    found["manifest"] = manifest
    found["bytes"] = {part: bytes_of(data.path / part) for part in sorted(os.listdir(data.path))}
    return found


def bytes_of(path: Path) -> int:
    """What a file or folder takes of the disk; what goes meanwhile counts as nothing."""
    total = 0
    files = (
        [path] if path.is_file() else [Path(top, name) for top, _, names in os.walk(path) for name in names]
    )
    for file in files:
        with contextlib.suppress(OSError):
            total += 512 * file.lstat().st_blocks
    return total


def settings_of(settings: Settings | None, seen: Observation | None) -> Section:
    """Each setting with its origin: those of the node, if one runs, otherwise those of this command."""
    described = seen.described if seen is not None else {}
    if described:
        origins = described.get("origins", {})
        values = {**described["config"], **described["app_settings"]}
        rows = [(name, value, origins.get(name, OF_NODE)) for name, value in values.items()]
    elif settings is not None:
        rows = [(one.name, one.value, one.source) for one in settings.values]
    else:
        return {}
    return {
        name: {"value": masked_setting(name, _shown(name, value)), "source": source}
        for name, value, source in rows
    }


def _shown(name: str, value: Any) -> str:
    """A setting as people read it: 38.8 GiB, and not 40658364KiB."""
    return size_text(value) if isinstance(value, int) and name.endswith("_bytes") else show(name, value)


def looked_at(data: DataDirectory) -> Measured | None:
    """The node that runs there; None if none does."""
    try:
        return two_looks(data, find_node(data))
    except RingfoldError:
        return None


def node(look: Measured) -> Section:
    """A running node."""
    seen = look.seen
    rates = look.document()["processes"]
    return {
        "app": seen.node.app,
        "pid": seen.node.pid,
        "busy": {reason: count for reason, (count, _) in look.busy.items()},
        "busy_per_s": {reason: round(new / look.seconds, 1) for reason, (_, new) in look.busy.items()},
        "senders": documents(look.senders),
        "committed_ms": look.committed_ms,
        "endpoints": {"commands": seen.node.commands, "http": getattr(seen.node, "http", "")},
        "notices": seen.notices,
        "processes": {
            name: {**row, "per_s": rates[name]["per_s"], "lag_per_s": rates[name]["lag_per_s"]}
            for name, row in seen.rows.items()
        },
        "failed": {name: msgspec.to_builtins(failure) for name, failure in seen.failures().items()},
        "rings": {name: {"used": used, "capacity": all} for name, (used, all) in seen.rings().items()},
    }


def findings(look: Measured | None) -> Section:
    """What is wrong, as `health` sees it, and what went wrong since the node began."""
    if look is None:
        return {"reasons": [Reason(Level.CRITICAL, "no-node", "no node runs", Page.STOPPED).document()]}
    return {"reasons": [reason.document() for reason in findings_of(look, usual_thresholds())]}


def asked(seen: Observation) -> Section:
    """What followers set aside, and what process managers wait for and will do."""
    letters, timers, outboxes = [], {}, {}
    for follower in seen.followers:
        with contextlib.suppress(RingfoldError):
            if follower.kind != "worker":
                some = ask(follower, "dead-letters", timeout_s=1.0)
                letters += [{"follower": follower.name, **masked_letter(letter)} for letter in some]
            if follower.kind == "process-manager":
                told = ask(follower, "timers", timeout_s=1.0)
                due = min((timer["due_ns"] for timer in told["timers"]), default=None)
                timers[follower.name] = {"waiting": told["waiting"], "next_due_ns": due}
                sent = ask(follower, "outbox", timeout_s=1.0)
                outboxes[follower.name] = [_outgoing(entry) for entry in sent["commands"][:MOST_OUTGOING]]
    return {
        **_told_of(letters),
        "timers": timers,
        "outboxes": outboxes,
    }


def _told_of(letters: list[Section]) -> Section:
    return {
        "dead_letters": letters[:MOST_LETTERS],
        "dead_letter_groups": grouped(letters)[:MOST_GROUPS],
        "dead_letters_total": len(letters),
    }


def _outgoing(entry: Section) -> Section:
    """A command that waits for its answer: without its fields, which may be anything."""
    command = {name: entry["command"].get(name) for name in ("type", "aggregate", "id")}
    return {**command, "refusal": (entry["refusal"] or {}).get("code")}


def stored(data: DataDirectory) -> Section:
    """The same and more of a directory on which no node runs, read from its files."""
    partitions = {}
    for p in range(data.partitions):
        partitions[str(p)] = gathered(lambda p=p: partition(data, p))  # type: ignore[misc]
    letters: list[Section] = []
    timers: Section = {}
    followers: Section = {}
    for folder in follower_folders(data):
        name = str(folder.relative_to(data.path))
        told = gathered(lambda folder=folder: kept(folder))  # type: ignore[misc]
        letters += [{"follower": folder.name, **letter} for letter in told.pop("letters", [])]
        if folder.parent == data.managers and "timers" in told:
            timers[folder.name] = {"waiting": told["timers"]}
        told.pop("timers", None)
        followers[name] = told
    notes = sorted((data.path / "failed").glob("*.json"))
    failed = {note.stem: msgspec.to_builtins(read_failure(note)) for note in notes}
    return {
        "partitions": partitions,
        "followers": followers,
        "failed": failed,
        **_told_of(letters),
        "timers": timers,
    }


def partition(data: DataDirectory, p: int) -> Section:
    """How far a partition is, and which of its commands are set aside."""
    found: Section = {"position": 0, "sequence": 0}
    if data.has_store(p):
        found = msgspec.json.decode(apart(lambda: _ends(data, p), data.store(p)))
    found["poisoned"] = len(read_poisoned(data.poisoned(p)))
    found["refused"] = len(read_refused(data.refused(p)))
    found["snapshots"] = [one.position for one in data.snapshot_folder(p).snapshots()]
    return found


def _ends(data: DataDirectory, p: int) -> bytes:
    try:
        with contextlib.closing(data.reader(p)) as reader:
            return msgspec.json.encode({"position": reader.position(), "sequence": reader.sequence()})
    except RingfoldError as error:
        return msgspec.json.encode({"problem": str(error)})


def follower_folders(data: DataDirectory) -> Iterator[Path]:
    """Of views and process managers."""
    for parent in (data.views, data.managers):
        for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
            if (folder / "data.mdb").is_file():
                yield folder


def kept(folder: Path) -> Section:
    """What a follower has saved: positions, dead letters, the number of timers."""
    found: Section = msgspec.json.decode(
        apart(lambda: msgspec.json.encode(gathered(lambda: _kept(folder))), folder)
    )
    return found


def _kept(folder: Path) -> Section:
    positions, letters, timers = [], [], 0
    for table, key, value in contents(folder):
        if table == "meta":
            positions.append(int.from_bytes(value[:8], "big"))
        elif table == "dead-letters":
            letters.append(masked_letter(msgspec.to_builtins(msgspec.json.decode(value, type=DeadLetter))))
        else:
            timers += key.startswith(TIMER_PREFIX)
    return {"positions": positions, "letters": letters, "timers": timers}


def masked_letter(letter: Section) -> Section:
    """A dead letter of which the error may have said too much."""
    return {**letter, "error": masked(letter["error"])}


def log_of(data: DataDirectory, named: Path | None, count: int) -> Section:
    """The end of the node's log, without repetitions: of the file that is named, or of one beside or in the
    directory."""
    places = [data.path.with_suffix(".log"), data.path.parent / "node.log", *sorted(data.path.glob("*.log"))]
    file = named or next((place for place in places if place.is_file()), None)
    if file is None:
        return {"file": "", "lines": []}
    with open(file, "rb") as opened:
        opened.seek(max(0, opened.seek(0, os.SEEK_END) - MOST_LOG_BYTES))
        lines = opened.read().decode(errors="backslashreplace").splitlines()
    return {"file": str(file), "lines": [masked(line) for line in collapsed(lines, count)]}
