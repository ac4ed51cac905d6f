"""`restore`: a data directory made from a copy of one, checked, and without those who were forgotten since.

    copy ──all but the manifest──▶ data ──▶ forget again ──▶ manifest ──▶ read all of it

No node starts on what has no manifest, so a restore that was killed is never taken for a whole one, and the
lock is held until the end. What cannot be restored whole is removed again.
"""

import argparse
import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.base.errors import ConfigError, CorruptData, Exit, NoSpace
from engine.base.files import DISK, FULL, free_bytes, remove_all, write_all
from engine.base.lock import is_held, lock_data
from engine.base.progress import Progress
from engine.cli.command import Program
from engine.cli.journal import witness_in
from engine.cli.options import add_data_option, place_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.store import verdicts
from engine.journal import verify as verify_journal
from engine.node.data_directory import DataDirectory, is_of_a_life
from engine.node.manifest import write_manifest
from engine.snapshots import verify as verify_snapshot
from engine.snapshots.loading import Unusable
from engine.vault.copies import forget_again, has_people, read_list

DESCRIPTION = """Makes a data directory from a copy of one, and reads all of it. The copy is one that was made
while no node ran, or by the file system at one moment. It is only read.

Those who were forgotten after the copy was made are in it. So if it has people's data, the list of who was
forgotten has to be named: the newest file workers/vault/people/forgotten, which belongs apart from copies,
or the tokens that the query `forgotten` of the vault answers, a line each. They are forgotten again before
anything is served."""
EXAMPLES = """
restore /backup/monday --data ./my-data --forgotten /backup/forgotten
restore /backup/monday --data ./my-data --none-forgotten
"""
MAY_BE_THERE = ("lock", "lost+found")
NO_ROOM = "the disk has no room for what is in the copy"
PIECE = 1 << 20


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    parser.add_argument("copy", metavar="COPY", help="the copy of a data directory")
    add_data_option(parser)
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--forgotten",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="who was forgotten since; may be repeated",
    )
    who.add_argument("--none-forgotten", action="store_true", help="no person was forgotten since")
    add_json_option(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Restores, and says what."""
    copy, data = DataDirectory.at(options.copy), DataDirectory.at(place_from(options))
    content = _content_of(copy, data)
    if has_people(copy.path) and not options.forgotten and not options.none_forgotten:
        text, hint = "there are people in this copy", "name who was forgotten since: --forgotten FILE"
        raise ConfigError(text, path=copy.path, hint=f"{hint}, or --none-forgotten")
    tokens = [token for path in options.forgotten for token in read_list(path)]
    with Printer(options) as printer, _making(data):
        size = _copy(copy, data, content)
        forgotten = forget_again(data.path, tokens)
        write_manifest(data.manifest_file, copy.manifest)
        events, sequence = _checked(data, printer)
        if data.tokens.exists():
            text, hint = "tokens for the gateway that were revoked since are valid again", "see `tokens list`"
            printer.warn("tokens", text, hint)
        text = f"restored {events:,} events, commands up to sequence {sequence:,}, {size:,} bytes"
        text += f"; forgotten again: {forgotten:,}" if tokens else ""
        facts = {"events": events, "sequence": sequence, "bytes": size, "forgotten": forgotten}
        printer.answer(facts, text)
    return Exit.OK


def _content_of(copy: DataDirectory, data: DataDirectory) -> list[Path]:
    """The folders and files of the copy but its manifest, relative to it. ConfigError unless it is one that
    can be restored there."""
    if not copy.path.is_dir():
        raise ConfigError("there is no such copy", path=copy.path)
    _ = copy.manifest
    with contextlib.suppress(OSError):  # one that may not be written to has no node
        if is_held(copy.lock):
            hint = "stop it and copy its directory first"
            raise ConfigError("a node runs here, so this is not a copy", path=copy.path, hint=hint)
    one, other = copy.path.resolve(), data.path.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ConfigError("a copy cannot be restored into itself", copy=copy.path, data=data.path)
    return [path for path in _walked(copy.path) if path != Path(copy.manifest_file.name)]


def _walked(folder: Path) -> Iterator[Path]:
    """What is in a folder, however deep, each folder before what is in it."""
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not is_of_a_life(inside / name))
        for name in (*folders, *sorted(names)):
            mode = Path(place, name).lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                text, hint = "neither a file nor a folder", "make the copy with what links lead to: cp -aL"
                raise ConfigError(text, path=Path(place, name), hint=hint)
            if not is_of_a_life(inside / name):
                yield inside / name


@contextlib.contextmanager
def _making(data: DataDirectory) -> Iterator[None]:
    """An empty data directory, locked. It is empty again afterwards if it could not be filled."""
    if os.path.lexists(data.path) and not data.path.is_dir():
        raise ConfigError("the data directory is something else", path=data.path)
    there = [name for name in DISK.names(data.path) if name not in MAY_BE_THERE]
    if there:
        text, hint = "a copy is restored into an empty folder", "move what is there away, or name another"
        raise ConfigError(text, path=data.path, found=there[0], hint=hint)
    try:
        DISK.make_folder(data.path)
    except OSError as error:
        text = "the data directory cannot be made"
        raise ConfigError(text, path=data.path, error=error.strerror) from None
    lock = lock_data(data.lock)
    try:
        yield
    except BaseException:
        for name in DISK.names(data.path):
            if name not in MAY_BE_THERE:
                remove_all(data.path / name)
        raise
    finally:
        os.close(lock)


def _copy(copy: DataDirectory, data: DataDirectory, paths: list[Path]) -> int:
    """Copies these; returns how many bytes. NoSpace if there is no room for them."""
    sizes = {path: (copy.path / path).stat().st_size for path in paths if (copy.path / path).is_file()}
    whole = sum(sizes.values())
    if (free := free_bytes(data.path)) < whole:
        raise NoSpace(NO_ROOM, path=data.path, free_bytes=free, needed_bytes=whole)
    progress = Progress("copying, bytes", whole)
    try:
        for path in paths:
            if path in sizes:
                _copy_file(copy.path / path, data.path / path, progress)
            else:
                (data.path / path).mkdir(mode=0o700)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoSpace(NO_ROOM, path=data.path) from None
    os.sync()  # once: there may be a file for each of a million people
    progress.end()
    return whole


def _copy_file(source: Path, target: Path, progress: Progress) -> None:
    file, offset = DISK.create(target), 0
    try:
        with source.open("rb", buffering=0) as content:
            while piece := content.read(PIECE):
                write_all(DISK, file, [piece], offset)
                offset += len(piece)
                progress.step(len(piece))
    finally:
        DISK.close(file)


def _checked(data: DataDirectory, printer: Printer) -> tuple[int, int]:
    """(events, last command sequence) of what was restored. CorruptData if a start would refuse it, or give
    up a process manager; what a start makes again is a remark."""
    events, stores = 0, {data.store(partition).name for partition in range(data.partitions)}
    for verdict in verdicts(data, by_page=True):
        if not verdict.problem:
            events += verdict.entries if verdict.folder in stores else 0
        elif verdict.folder.startswith(f"{data.views.name}/"):
            printer.warn("made-again", f"a view is damaged, and a start makes it again: {verdict.problem}")
        else:
            raise CorruptData("the copy is damaged", folder=verdict.folder, problem=verdict.problem)
    witness, unread = witness_in(data)
    report = verify_journal(data.journal, witness)
    if unread or report.refused:
        raise CorruptData("the copy is damaged", folder="journal", problem=unread or str(report))
    for partition in range(data.partitions):
        for snapshot in data.snapshot_folder(partition).snapshots():
            try:
                verify_snapshot(snapshot.path)
            except Unusable as why:
                printer.warn("not-used", f"a snapshot cannot be used: {why}", path=str(snapshot.path))
    return events, report.last_sequence
