"""`cluster init`, `status`, `verify` and `repair`: several nodes that run one application over NATS
JetStream."""

import argparse
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from msgspec import to_builtins

from engine.base.errors import ConfigError, Exit
from engine.cli.command import Program
from engine.cli.options import add_config_options, settings_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.table import aligned, cells
from engine.node.cluster_view import nowhere
from engine.node.data_directory import DataDirectory

if TYPE_CHECKING:
    from engine.cluster.report import Report
    from engine.node.config import Config, Settings

DESCRIPTION = """A cluster is one application on several nodes. What clients send and what is decided goes
through logs on NATS servers, and every node has all of what was decided."""
EXAMPLES = """
cluster init --app notes:app --cluster nats://a:4222,nats://b:4222 --partitions 16
cluster init --from ./my-data --app notes:app --cluster nats://a:4222
cluster status --cluster nats://a:4222 --json
cluster verify --cluster nats://a:4222 --cluster-monitors http://a:8222
cluster repair --cluster nats://a:4222 --cluster-monitors http://a:8222 --store ./my-data
"""
INIT = """Founds a cluster: checks the servers, makes the logs of all partitions, and writes down what all
nodes have to agree on: the application, its reference data, the number of partitions. What is there already
stays as it is. With --from, the logs begin behind the stores of that data directory: of a node that was alone
until now, or of the node that is furthest when all NATS servers have lost what they had. All other nodes of
the cluster then begin with a copy of it, or with stores of their own that are not far behind."""
STATUS = """Shows owner, term and last position of each partition, how far each node is behind, the oldest
command that waits, and who leads the logs. Exit code 0 if every partition has an owner, no copy is behind and
no message is gone, otherwise 75."""
VERIFY = """Reads the logs of decisions whole, and holds the stores against them: of all nodes that run, by
what they say, and of data directories on this machine (--store). With monitoring addresses, each server's own
copy is looked at. Exit code 4 if anything is wrong. Changes nothing."""
REPAIR = """Appends to logs that were shortened what a store on this machine has kept of them. Where a
server's copy of a log is damaged, has another server lead it and names the folder that is to be removed while
that server is down; it then makes its copy again. Exit code 75 if something is left to do."""
HEADINGS = ("partition", "owner", "term", "position", "waiting", "waiting_s", "commands at", "decisions at")


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of each."""
    what = "init|status|verify|repair"
    places = parser.add_subparsers(title="commands", metavar=what, dest="what", required=True)
    for name, help, text in (
        ("init", "found one", INIT),
        ("status", "show how it is", STATUS),
        ("verify", "hold logs and stores against each other", VERIFY),
        ("repair", "give logs back what they have lost", REPAIR),
    ):
        place = places.add_parser(name, help=help, description=text)
        add_config_options(place, program)
        add_json_option(place)
        if name == "init":
            place.add_argument("--from", dest="source", metavar="DIR", help="data directory to begin behind")
        elif name != "status":
            store = "data directory of a node on this machine; may be repeated"
            place.add_argument("--store", action="append", default=[], metavar="DIR", help=store)


def run(options: argparse.Namespace, program: Program) -> int:
    """Does what was asked for."""
    settings = settings_from(options, program)
    if not settings.config.cluster:
        hint = "--cluster nats://HOST:4222,… or RINGFOLD_CLUSTER"
        raise ConfigError("no NATS servers are named", setting="cluster", hint=hint)
    with Printer(options) as printer:
        if options.what == "init":
            return init(settings, options.source, printer)
        if options.what == "status":
            return status(settings, printer)
        from engine.cli.cluster_care import repair, verify  # brings NATS
        from engine.cluster.founding import failed
        from engine.cluster.jetstream import FAILURES

        stores = [DataDirectory.at(path) for path in options.store]
        work = {"verify": verify, "repair": repair}[options.what]
        try:
            return work(settings.config, stores, printer)
        except FAILURES as error:
            raise failed(error, settings.config.cluster_name) from None


def init(settings: "Settings", source: str | None, printer: Printer) -> int:
    """Founds the cluster that the settings name."""
    if source is not None:
        from engine.cli.cluster_care import init_from  # brings NATS

        return init_from(settings, DataDirectory.at(source), printer)
    from engine.cluster.founding import found, manifest_of  # brings NATS
    from engine.model.loading import import_app

    config = settings.config
    app = import_app(settings.app(), settings.app_settings)
    wanted = manifest_of(app, config.partitions)
    made = found(config, wanted)
    for name, mine, theirs in (
        ("application", wanted.app, made.app),
        ("reference data", wanted.fingerprint, made.fingerprint),
        ("number of partitions", wanted.partitions, made.partitions),
    ):
        if mine != theirs:
            text = f"there is a cluster of this name with another {name}"
            raise ConfigError(text, cluster=config.cluster_name, found=theirs, wanted=mine)
    is_new = made.index_key == wanted.index_key
    text = f"{'founded' if is_new else 'it is there already'}: cluster {config.cluster_name} of {made.app}, "
    text += f"partitions: {made.partitions}, copies of each log: {config.cluster_replicas}"
    if config.cluster_replicas < 3:
        hint = "cluster_replicas=3 outlives the loss of a disk"
        printer.warn("few-copies", "what is decided has fewer than three copies", hint)
    told = {"name": config.cluster_name, "app": made.app, "partitions": made.partitions, "new": is_new}
    printer.answer({**told, "replicas": config.cluster_replicas}, text)
    return Exit.OK


def status(settings: "Settings", printer: Printer) -> int:
    """Shows how the cluster is."""
    seen = reported(settings.config)
    remarks = list(wrong_in(seen))
    for code, text, hint in remarks:
        printer.warn(code, text, hint)
    printer.answer(to_builtins(seen), "\n".join(lines(seen)))
    return Exit.TEMPORARY if remarks else Exit.OK


def reported(config: "Config") -> "Report":
    """The report on the cluster that the settings name. Raises ConfigError, Fault."""
    from engine.cluster.founding import failed, monitors_of, read_manifest  # brings NATS
    from engine.cluster.jetstream import FAILURES
    from engine.cluster.link import link_to
    from engine.cluster.logs import NoAnswer
    from engine.cluster.report import report_on

    with closing(link_to(config, "status")) as link:
        manifest = read_manifest(link, config.cluster_name)
        try:
            return report_on(link, config.cluster_name, manifest, monitors_of(config))
        except (*FAILURES, NoAnswer) as error:
            raise failed(error, config.cluster_name) from None


def wrong_in(seen: "Report") -> Iterator[tuple[str, str, str]]:
    """(code, text, hint) of what an operator has to see to."""
    nodes = {node.node for node in seen.nodes}
    for one in seen.partitions:
        if one.owner not in nodes:
            text = f"partition {one.partition} has no owner that is there"
            yield "no-owner", f"{text}: {one.owner or 'none'}", "start a node"
        for log, name in ((one.commands, "commands"), (one.decisions, "decisions")):
            lagging = [replica.server for replica in log.replicas if not replica.current]
            if lagging:
                text = f"copies of the {name} of partition {one.partition} are behind: {', '.join(lagging)}"
                yield "copy-behind", text, "is that server there?"
        if one.decisions.gone:
            text = f"decisions of partition {one.partition} are gone: {one.decisions.gone}"
            yield "decisions-gone", f"{text}, where {one.decisions.leader} leads", "`cluster verify`"
    named = sorted({node.workers for node in seen.nodes})
    if len(named) > 1:
        text = f"cluster_workers is not the same on all nodes: {', '.join(name or 'none' for name in named)}"
        yield "workers-disputed", text, "each worker may run twice, or not at all"
    for name in named:
        if name and name not in nodes:
            hint = "start that node, or name one that is there, on all nodes"
            yield "workers-nowhere", nowhere(name), hint
    for server in seen.servers:
        if server.disabled:
            text = f"server {server.server} keeps nothing: JetStream is disabled there"
            yield "server-disabled", text, "was its disk full? make room there, then restart that server"
        elif server.sync_always is False:
            text = f"server {server.server} says that it has what is not on its disk"
            yield "not-flushed", text, "jetstream { sync_interval: always }"
        elif server.sync_always is None:
            yield "server-gone", f"the server at {server.monitor} does not answer", "is it there?"


def lines(seen: "Report") -> Iterator[str]:
    """What it shows, for people."""
    yield (
        f"cluster {seen.name} of {seen.app}: {len(seen.partitions)} partitions, {len(seen.nodes)} nodes; "
        f"owner changes: {seen.owner_changes}, conflicts: {seen.conflicts}"
    )
    rows = [
        cells(
            (
                str(one.partition),
                one.owner or "-",
                one.term,
                one.position,
                one.waiting,
                one.oldest_waiting_s,
                one.commands.leader or "-",
                one.decisions.leader or "-",
            )
        )
        for one in seen.partitions
    ]
    yield from aligned([HEADINGS, *rows])
    for node in seen.nodes:
        behind = [
            (one.partition, mine) for one in seen.partitions for mine in one.nodes if mine.node == node.node
        ]
        events, seconds = sum(one.lag_events for _, one in behind), max(one.lag_s for _, one in behind)
        owns = ", ".join(map(str, node.owns)) or "nothing"
        ready = "" if node.ready else ", not ready"
        acts = f", runs {', '.join(node.acts)}" if node.acts else ""
        yield (
            f"node {node.node}: version {node.version}, code {node.code[:8]}, owns {owns}{acts}, "
            f"{events:,} events and {seconds:.1f} s behind, conflicts: {node.conflicts}{ready}"
        )
    for server in seen.servers:
        leads = sum(log.leader == server.server for p in seen.partitions for log in (p.commands, p.decisions))
        behind_by = [
            replica.lag
            for one in seen.partitions
            for log in (one.commands, one.decisions)
            for replica in log.replicas
            if replica.server == server.server
        ]
        flushed = {True: "flushes always", False: "does NOT flush always", None: "does not answer"}
        keeps = "KEEPS NOTHING" if server.disabled else flushed[server.sync_always]
        yield (
            f"server {server.server or server.monitor}: version {server.version or '-'}, "
            f"{keeps}, leads {leads} logs, "
            f"at most {max(behind_by, default=0)} messages behind"
        )
