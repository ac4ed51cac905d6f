"""`dev`: runs an application while it is being written."""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from engine.base.errors import ConfigError, Exit
from engine.base.lock import is_held
from engine.cli.command import Program
from engine.cli.dev_node import DevNode
from engine.cli.finding import find_app
from engine.cli.printing import Printer, add_json_option
from engine.cli.watching import watch
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Endpoints
from engine.node.extras import HTTP
from engine.node.setting_files import named_table, project_table

DESCRIPTION = """Runs the application of this folder, and starts it again when a file of it changes. The data
stay in .ringfold/, from one day to the next. The application is that of app.py or main.py, the one that
pyproject.toml names ([tool.ringfold] app = "shop:app"), or the one that is given. Prints where it is reached:
by HTTP too, if the extra `http` is installed.

After each start the recorded commands are decided again by today's code, beside the node. What would be
decided otherwise is told: it may be what you wanted, and the stored events stay as they are."""
EXAMPLES = """
dev
dev shop/app.py
dev shop.app:app --set partitions=2
dev --fresh
"""
HOME = Path(".ringfold")
HTTP_HOST, HTTP_PORT = "127.0.0.1", 7380
NO_HTTP = "pip install 'ringfold[http]' adds HTTP"
FOR_DEVELOPMENT = {"snapshot_events": "0", "segment_bytes": "4MiB"}
"""Settings unless others are given: they make a start shorter."""
LOOK_S = 0.2
MOST_DIFFERENCES = 5


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    text = "FILE.py, FILE.py:NAME, MODULE or MODULE:NAME"
    parser.add_argument("app", nargs="?", default="", metavar="APP", help=text)
    parser.add_argument("--data", metavar="DIR", help=f"data directory ({HOME / 'data'})")
    parser.add_argument("--config", metavar="FILE", help="TOML file with a table [ringfold]")
    parser.add_argument("--http", metavar="HOST:PORT", help=f"where HTTP is served ({HTTP_HOST}:{HTTP_PORT})")
    text = "a setting of `serve` by its name; may be repeated"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="more", help=text)
    parser.add_argument("--fresh", action="store_true", help=f"throw away what is in {HOME / 'data'} first")
    add_json_option(parser)


def run(options: argparse.Namespace, program: Program) -> int:
    """Runs it until Ctrl-C."""
    given = Given(options)
    named = options.app or given.text("app") or str(program.defaults.get("app", ""))
    found = find_app(named, Path.cwd())
    data = DataDirectory.at(options.data or given.text("data") or HOME / "data")
    make_home(HOME)
    if options.fresh:
        throw_away(data, HOME)
    with Printer(options) as printer:
        tell = Telling(printer)
        node = DevNode(found, data.path, given.flags(), HOME / "node.log", tell.log_line)
        tell("app", f"{found.reference} in {found.root}", app=found.reference)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.default_int_handler)
        try:
            develop(node, data, found.root, tell)
        except KeyboardInterrupt:
            tell("stopping", "stopping")
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C does not leave a node behind
            node.stop()
    return Exit.OK


class Given:
    """What was given to this command, in the order of precedence of all settings."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._file = {**project_table(), **(named_table(options.config) if options.config else {})}

    def text(self, name: str) -> str:
        """A setting, from a variable or a file; empty if it is in neither."""
        return os.environ.get(f"RINGFOLD_{name.upper()}") or str(self._file.get(name, ""))

    def flags(self) -> list[str]:
        """Those of `serve`."""
        options = self._options
        names = {text.partition("=")[0].replace("-", "_") for text in options.more}
        wanted = {
            name: value
            for name, value in {**FOR_DEVELOPMENT, "http": http_address()}.items()
            if value and name not in names and not self.text(name)
        }
        if options.http is not None:
            wanted["http"] = options.http
        flags = [f"--set={name}={value}" for name, value in wanted.items()]
        flags += [f"--set={text}" for text in options.more]
        return [*flags, f"--config={options.config}"] if options.config else flags


class Telling:
    """Prints what happens: a line for people, an object a line for programs."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer

    def __call__(self, what: str, text: str, **facts: Any) -> None:
        """One thing that happened."""
        self._printer.answer({"what": what, **facts}, text)
        flush()

    def log_line(self, line: str) -> None:
        """A line of the node's log."""
        self("log", f"  {line}", line=line)


def flush() -> None:
    """Shows it now, as its reader may be waiting for it."""
    print(end="", flush=True)


def develop(node: DevNode, data: DataDirectory, root: Path, tell: Telling) -> None:
    """The loop: start, compare, wait for a change, stop."""
    watched = watch(root)
    told: dict[str, str] = {}
    while True:
        began = time.monotonic()
        endpoints = node.start()
        comparison: subprocess.Popen[bytes] | None = None
        if endpoints is None:
            tell("failed", "the application cannot be started; waiting for a change")
        else:
            seconds = round(time.monotonic() - began, 2)
            tell(
                "ready",
                f"ready in {seconds:.1f} s",
                seconds=seconds,
                http=endpoints.http,
                data=str(data.path),
            )
            addresses = addresses_of(endpoints, data, node.log, watched.by)
            if addresses != told:  # a port 0 is another one each time
                rows = [f"  {name:<9} {text}" for name, text in addresses.items()]
                tell("addresses", "\n".join(rows), **addresses)
                told = addresses
            comparison = node.run("replay-check", "--json", f"--most={MOST_DIFFERENCES}")
        changed: list[Path] = []
        while not changed:
            changed = watched.wait(LOOK_S)
            if comparison is not None and comparison.poll() is not None:
                tell_differences(comparison, tell)
                comparison = None
            if endpoints is not None and node.ended:
                endpoints = None
                tell("failed", "the node has ended; waiting for a change")
        if comparison is not None:
            comparison.kill()
            comparison.wait()
        names = [str(path.relative_to(root)) if path.is_relative_to(root) else str(path) for path in changed]
        tell("changed", f"changed: {', '.join(names)}", files=names)


def addresses_of(endpoints: Endpoints, data: DataDirectory, log: Path, by: str) -> dict[str, str]:
    """Where everything is."""
    if endpoints.http:
        rows = {
            "commands": f"POST {endpoints.http}/api/commands/TYPE",
            "queries": f"GET {endpoints.http}/api/views/VIEW/QUERY",
            "OpenAPI": f"{endpoints.http}/openapi.json",
            "health": f"{endpoints.http}/health/ready",
            "metrics": f"{endpoints.http}/metrics",
        }
    else:
        rows = {"commands": endpoints.commands, "HTTP": NO_HTTP}
    place = os.path.relpath(data.path)
    rows["data"] = f"{place}: `ringfold status --data {place}`, `query`, `events tail`, `top`"
    return {**rows, "log": str(log), "reload": f"on every change, by {by}; Ctrl-C stops"}


def tell_differences(comparison: "subprocess.Popen[bytes]", tell: Telling) -> None:
    """What today's code would decide otherwise."""
    assert comparison.stdout is not None
    content = comparison.stdout.read()
    comparison.stdout.close()
    if comparison.returncode != Exit.CORRUPT or not content:
        return
    rows = json.loads(content)["data"]
    more = " or more" if len(rows) == MOST_DIFFERENCES else ""
    text = [f"today's code would decide {len(rows)}{more} recorded commands otherwise:"]
    text += [
        f"  {row['aggregate']}: was {_events(row['stored'])}, is {_events(row['today'])}" for row in rows
    ]
    tell("differs", "\n".join(text), differences=rows)


def _events(events: list[Any] | None) -> str:
    if not events:
        return "no event"
    return ", ".join(json.dumps(event, ensure_ascii=False) for event in events)


def make_home(home: Path) -> None:
    """Makes .ringfold/, which no repository should have."""
    home.mkdir(mode=0o700, exist_ok=True)
    (home / ".gitignore").write_text("*\n")


def throw_away(data: DataDirectory, home: Path) -> None:
    """Removes a data directory of `dev`, and no other."""
    if data.path.parent != home.absolute():
        raise ConfigError(f"--fresh throws away what is in {home} only", data=data.path)
    if is_held(data.lock):
        raise ConfigError("a node is running on this data directory", path=data.path)
    shutil.rmtree(data.path, ignore_errors=True)


def http_address() -> str:
    """Where HTTP is served unless it is said: the usual port, or a free one that stays the same; empty
    if the packages are not installed."""
    if HTTP.missing():
        return ""
    for port in (HTTP_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HTTP_HOST, port))
            except OSError:
                continue
            return f"{HTTP_HOST}:{probe.getsockname()[1]}"
    return ""
