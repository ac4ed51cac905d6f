"""The table of commands: the engine's own, then those of installed applications.

An application joins with an entry point of the group `ringfold.commands`, whose name is that of the command
and whose object is a `Command`:

    [project.entry-points."ringfold.commands"]
    sell = "shop.command_line:SELL"
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.base.errors import ConfigError
from engine.cli.command import Command

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP = "ringfold.commands"

OWN = (
    Command("new", "make a small application to begin with", "engine.cli.new"),
    Command("dev", "run an application while it is being written", "engine.cli.dev"),
    Command("serve", "run a node until it is stopped", "engine.cli.serve"),
    Command("status", "show what each process of a node is doing", "engine.cli.status"),
    Command("top", "watch what each process of a node does", "engine.cli.top"),
    Command("health", "one line and an exit code for monitoring", "engine.cli.health"),
    Command("doctor", "one text about a node, to paste into a ticket", "engine.cli.doctor"),
    Command("query", "ask a view, or list what can be asked", "engine.cli.query"),
    Command("view", "list views, rebuild one", "engine.cli.view"),
    Command("follower", "list views and process managers, try one again", "engine.cli.follower"),
    Command("dead-letter", "list, retry or drop what views failed on", "engine.cli.dead_letter"),
    Command("process-manager", "show what is under way for one id", "engine.cli.process_manager"),
    Command("trace", "what led to a command and what it led to", "engine.cli.trace"),
    Command("events", "print, follow or export what has happened", "engine.cli.events"),
    Command("aggregate", "show the state of an aggregate", "engine.cli.aggregate"),
    Command("describe", "print what clients can say and hear", "engine.cli.describe"),
    Command("journal", "dump or verify the journal", "engine.cli.journal"),
    Command("store", "verify the event stores, views and process managers", "engine.cli.store"),
    Command("snapshot", "take, list or verify snapshots", "engine.cli.snapshot"),
    Command("tokens", "make, list or revoke tokens for the gateway", "engine.cli.tokens"),
    Command("audit", "print what operators did through the gateway", "engine.cli.audit"),
    Command("cluster", "found a cluster of nodes, show how it is", "engine.cli.cluster"),
    Command("restore", "make a data directory from a copy of one", "engine.cli.restore"),
    Command("clock", "show a node's clock, move a simulated one", "engine.cli.clock"),
    Command("check", "check that the application can read all that is stored", "engine.cli.check"),
    Command("replay-check", "compare today's decisions with those that are stored", "engine.cli.replay"),
    Command("config", "print each setting and where it came from", "engine.cli.config"),
    Command("cheat", "examples by topic", "engine.cli.cheat"),
    Command("completion", "a file for the Tab key of bash, zsh or fish", "engine.cli.completion"),
)


def command_named(name: str, more: Sequence[Command] = ()) -> Command | None:
    """The command of that name: of the engine, of the program around it (`more`), or installed."""
    for command in (*OWN, *more):
        if command.name == name:
            return command
    return next((_loaded(point) for point in _installed() if point.name == name), None)


def all_commands(more: Sequence[Command] = ()) -> list[Command]:
    """Each name once, in the order of the help. An installed one that cannot be loaded says so there."""
    commands = {command.name: command for command in (*OWN, *more)}
    for point in _installed():
        if point.name not in commands:
            try:
                commands[point.name] = _loaded(point)
            except ConfigError as error:
                commands[point.name] = Command(point.name, f"({error.message})", "")
    return list(commands.values())


def _installed() -> "EntryPoints":
    # Imported here: it costs as much as the rest of `--help`, and the engine's own commands do without.
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _loaded(point: "EntryPoint") -> Command:
    try:
        command = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError("this command cannot be loaded", command=point.name, error=error) from None
    if not isinstance(command, Command) or command.name != point.name:
        raise ConfigError("this command is not a Command of its name", command=point.name)
    return command
