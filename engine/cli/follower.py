"""`follower list`, `restart` and `accept`: the views, process managers and workers of a node, those given
up, and those that find another log than the one that they knew."""

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from engine.base.errors import ConfigError, Exit, RingfoldError
from engine.base.lock import is_held
from engine.cli.asking import Follower, ask, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.node.data_directory import DataDirectory
from engine.node.failure import read_failure
from engine.node.roles import Kind, Role
from engine.node.running import find_node
from engine.node.status import State, StatusPage
from engine.wire.log import decode_commit

if TYPE_CHECKING:
    from engine.reading.stores import Stores
    from engine.stages.poisoned_queries import Suspect

DESCRIPTION = """A follower is a view, a process manager or a worker: it follows what is stored, and commands
need none. One that cannot be kept running is given up alone. Its queries are answered `failed` with the
cause, until its code changes and the node is started again, or until `follower restart`. A query that ended
it twice is refused `poisoned` for as long.

After a restore from an older copy of the data, a process manager, worker or subscriber that has come further
stops, because the log is not the one that it knew. `follower accept` lets it go on from the end of the
present one."""
ACCEPT = """Lets a process manager, worker or subscriber go on from the end of the present log, and prints
what that skips: all that was committed after what it saw last. A view needs none of this, it is rebuilt."""
EXAMPLES = """
follower list
follower restart notes
follower accept expiry
follower accept mailer --folder /var/lib/mailer
"""
MOST_PRINTED = 20
RETRY = "queries-retry"


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of all three."""
    what = "list|restart|accept"
    places = parser.add_subparsers(title="commands", metavar=what, dest="what", required=True)
    place = places.add_parser("list", help="print all, and what is wrong with them")
    add_data_option(place)
    place = places.add_parser("restart", help="try one again that was given up")
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of the follower")
    place = places.add_parser("accept", help="go on from the present log", description=ACCEPT)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of the process manager, worker or subscriber")
    place.add_argument("--folder", type=Path, help="of the subscriber's cursor, if it is not in the data")
    for place in places.choices.values():
        add_json_option(place)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Does what was asked for."""
    directory = DataDirectory.at(data_from(options))
    with Printer(options) as printer:
        if options.what == "accept":
            return accept(directory, options.name, options.folder, printer)
        return _list_or_restart(directory, options, printer)


def _list_or_restart(directory: DataDirectory, options: argparse.Namespace, printer: Printer) -> int:
    node = find_node(directory)
    with StatusPage.attach(node.status) as page:
        states = {name: State(page.slot(name).state) for name in page.names}
    if options.what == "list":
        rows = [facts_of(one, states[one.role.name], directory) for one in followers(node)]
        printer.answer(rows, "\n".join("  ".join(filter(None, row.values())) for row in rows))
        return Exit.OK
    (follower,) = followers(node, options.name)
    state = states[follower.role.name]
    if state is not State.FAILED and (count := ask(follower, RETRY)):
        text = f"{follower.kind} {follower.name} answers again what it refused to run ({count})"
        printer.answer({"name": follower.name, "restarted": False, "queries": count}, text)
        return Exit.OK
    if state is not State.FAILED:
        raise RingfoldError("it was not given up", name=follower.name, state=told_of(state))
    ask(follower, "restart")
    text = f"{follower.kind} {follower.name} is tried again; `status` shows how it goes"
    printer.answer({"name": follower.name, "restarted": True}, text)
    return Exit.OK


def accept(directory: DataDirectory, name: str, folder: Path | None, printer: Printer) -> int:
    """Moves the follower of that name to the end of the log. ConfigError: there is none."""
    from engine.reading.stores import Stores  # as every command imports what it needs

    stores = Stores(directory.path)
    homes = (folder,) if folder else (directory.path / "subscribers", directory.worker(name))
    cursor = next((path for home in homes if (path := home / f"{name}.json").is_file()), None)
    ends = stores.positions()
    commands = [stores.command_at(partition, position) for partition, position in enumerate(ends)]
    if cursor is not None:
        known = _move_subscriber(cursor, name, stores.partitions, ends, commands)
        if cursor.parent == directory.worker(name):
            _try_again(directory, Role(Kind.WORKER, subject=name))
    elif (directory.manager(name) / "data.mdb").is_file():
        known = _move_manager(directory, name, ends, max(stores.sequences()), commands)
    else:
        text = "there is no such process manager, worker or subscriber"
        raise ConfigError(text, name=name, path=directory.path)
    skipped, texts = _skipped(stores, known)
    stores.close()
    texts.append(f"{name} goes on after position {', '.join(map(str, ends))}")
    printer.answer({"name": name, "positions": ends, "skipped": skipped}, "\n".join(texts))
    return Exit.OK


def _move_subscriber(
    cursor: Path, name: str, partitions: int, ends: list[int], commands: list[str]
) -> list[str]:
    from engine.reading.cursor import Cursor

    with contextlib.closing(Cursor(cursor.parent, name, partitions)) as held:
        known = held.commands
        held.save([(end + 1, 0) for end in ends], commands)
    return known


def _move_manager(
    directory: DataDirectory, name: str, ends: list[int], sequence: int, commands: list[str]
) -> list[str]:
    from engine.managers.birth import Birth, read_birth, write_birth
    from engine.store import View

    role = Role(Kind.MANAGER, subject=name)
    if is_held(directory.lock):
        node = find_node(directory)
        with StatusPage.attach(node.status) as page:
            if page.slot(role.name).state != State.FAILED:
                raise RingfoldError("it runs: the log is the one that it knows", name=name)
    folder = directory.manager(name)
    view = View(folder, directory.map_bytes, len(ends))
    known = view.commands
    # In a log that is shorter than it was, positions and sequences up to the birth come a second time.
    born = read_birth(folder, len(ends))
    shorter = Birth(list(map(min, born.positions, ends)), min(born.sequence, sequence))
    if shorter != born:
        write_birth(folder, shorter)
    view.save([], ends, commands=commands)
    view.close()
    _try_again(directory, role)
    return known


def _try_again(directory: DataDirectory, role: Role) -> None:
    """Forgets that one failed, and has a node that runs start it again."""
    directory.failure(role.name).unlink(missing_ok=True)
    if is_held(directory.lock):
        (follower,) = followers(find_node(directory), role.subject)
        ask(follower, "restart")


def _skipped(stores: "Stores", known: list[str]) -> tuple[int, list[str]]:
    """What was committed after what was seen last, as far as ids tell, which grow with time: how many, and
    lines about them."""
    skipped, texts = 0, []
    for partition, command in enumerate(known):
        reader = stores.reader(partition)
        for position, entry in () if reader is None else reader.entries_back():
            commit = decode_commit(entry)
            if commit.command <= command:
                break
            skipped += 1
            if skipped <= MOST_PRINTED:
                what = ", ".join(event["type"] for event in commit.events)
                place = f"partition {partition}, position {position}"
                texts.append(f"skipped: {place}, {commit.aggregate}: {what}")
    if skipped > MOST_PRINTED:
        texts.append(f"skipped: {skipped - MOST_PRINTED:,} more before these")
    return skipped, texts


def facts_of(follower: Follower, state: State, directory: DataDirectory) -> dict[str, str]:
    """What is known of one."""
    facts = {"name": follower.name, "kind": follower.kind, "state": told_of(state)}
    failure = read_failure(directory.failure(follower.role.name)) if state is State.FAILED else None
    ended = ", ".join(sorted({one.query for one in poisoned_in(directory, follower.role.name)}))
    facts |= {"queries": f"died of the queries: {ended}"} if ended else {}
    return facts | ({"since": failure.since, "cause": failure.cause} if failure else {})


def poisoned_in(directory: DataDirectory, process: str) -> "list[Suspect]":
    """The queries at which a follower has died. `process`: its name."""
    from engine.stages.poisoned_queries import read_suspects  # as every command imports what it needs

    return read_suspects(directory.poisoned_queries(process)).queries


def told_of(state: State) -> str:
    """A state as it is printed."""
    return state.name.lower().replace("_", "-")
