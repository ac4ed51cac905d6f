"""The care of a cluster: logs and stores held against each other, logs that get back what they lost, and
logs that begin behind a store."""

from contextlib import closing
from typing import TYPE_CHECKING

from msgspec import to_builtins

from engine.base.errors import ConfigError, CorruptData, Exit
from engine.base.progress import Progress
from engine.cli.printing import Printer
from engine.cluster.founding import ClusterManifest, found, monitors_of, read_manifest
from engine.cluster.jetstream import JetStreamDecisions
from engine.cluster.link import link_to
from engine.cluster.repairing import append_again, beginning_of, lead_elsewhere, places_in, put, reach
from engine.cluster.report import heard
from engine.cluster.verifying import Store, damaged_copies, store_of, verify_partition
from engine.node.data_directory import DataDirectory
from engine.node.manifest import FORMAT

if TYPE_CHECKING:
    from engine.node.config import Config, Settings


def verify(config: "Config", stores: list[DataDirectory], printer: Printer) -> int:
    """Prints a line for each partition, and one for each thing that is wrong."""
    name, problems = config.cluster_name, []
    silent: list[str] = []
    places = {str(data.path): places_in(data) for data in stores}
    with closing(link_to(config, "verify")) as link:
        manifest = read_manifest(link, name)
        problems += [problem for problem, _, _ in damaged_copies(name, monitors_of(config), silent)]
        beats, progress = heard(link, name), Progress("reading, partitions", manifest.partitions)
        rows = []
        for partition in range(manifest.partitions):
            held = [store_of(path, found[partition]) for path, found in places.items()]
            held += [
                Store(beat.node, beat.decisions[partition], beat.marks[partition])
                for beat in beats
                if partition < min(len(beat.decisions), len(beat.marks))
            ]
            ends, wrong = verify_partition(link, name, partition, held, lambda _: progress.step(1))
            rows.append((ends, held))
            problems += wrong
        progress.end()
    texts = [
        f"partition {ends.partition}: decisions {ends.first:,} to {ends.last:,}, position {ends.position:,}, "
        f"held against stores of: {', '.join(store.name for store in held) or 'none'}"
        for ends, held in rows
    ]
    texts += [f"wrong: {problem}" for problem in problems] or ([] if silent else ["sound"])
    texts += [f"not looked at: {one}" for one in _not_looked_at(silent)]
    data = {"partitions": [to_builtins(ends) for ends, _ in rows], "problems": to_builtins(problems)}
    printer.answer(data, "\n".join(texts))
    return Exit.CORRUPT if problems else Exit.TEMPORARY if silent else Exit.OK


def repair(config: "Config", stores: list[DataDirectory], printer: Printer) -> int:
    """Does what can be done from here, and names what is left to do."""
    name, done, left = config.cluster_name, [], []
    silent: list[str] = []
    with closing(link_to(config, "repair")) as link:
        manifest = read_manifest(link, name)
        for problem, stream, folder in damaged_copies(name, monitors_of(config), silent):
            if not lead_elsewhere(link, stream, problem.server):
                left.append(f"{problem}: no other server leads it; is a majority there?")
                continue
            done.append(f"{problem}: another server leads it")
            left.append(f"stop server {problem.server}, remove {folder}, and start it again")
        for data in stores:
            for partition, place in enumerate(places_in(data)[: manifest.partitions]):
                first, last = append_again(link, name, partition, data, place)
                if last:
                    done.append(
                        f"partition {partition}: appended decisions {first:,} to {last:,} from {data.path}"
                    )
        done += [
            f"partition {partition}: new commands come behind message {message:,}"
            for partition in range(manifest.partitions)
            if (message := reach(link, name, partition))
        ]
    left += [f"look at {one}" for one in _not_looked_at(silent)]
    texts = [*(f"done: {text}" for text in done), *(f"to do: {text}" for text in left)]
    printer.answer({"done": done, "left": left}, "\n".join(texts or ["nothing to do"]))
    return Exit.TEMPORARY if left else Exit.OK


def _not_looked_at(silent: list[str]) -> list[str]:
    return [f"the copies of the server at {monitor}, which does not answer" for monitor in silent]


def init_from(settings: "Settings", data: DataDirectory, printer: Printer) -> int:
    """Founds a cluster whose logs begin behind the stores of a data directory."""
    from engine.model.loading import import_app

    config, app = settings.config, import_app(settings.app(), settings.app_settings)
    data.match(app.name, app.fingerprint)
    beginning = list(beginning_of(data))
    begins = [kept[0].sequence - 1 if kept else place.decision for place, kept in beginning]
    # A store at the first kept message or after it can follow; with none kept, only one that has it all.
    sequences = [0 if kept else place.sequence for place, kept in beginning]
    wanted = ClusterManifest(
        FORMAT, app.name, app.fingerprint, data.partitions, data.manifest.index_key, begins, sequences
    )
    logs = [(place.message, begin) for (place, _), begin in zip(beginning, begins, strict=True)]
    made = found(config, wanted, logs)
    if made != wanted:
        hint = "name another by --cluster-name, or remove what the servers have of it"
        raise ConfigError("there is a cluster of this name already", cluster=config.cluster_name, hint=hint)
    appended = 0
    with closing(link_to(config, "init")) as link:
        for partition, (place, kept) in enumerate(beginning):
            log = JetStreamDecisions(link, config.cluster_name, partition)
            put(log, kept)
            appended += len(kept)
            if (last := log.last().result(10)) != place.decision:
                text = "the log does not end where the store does"
                raise CorruptData(text, partition=partition, log=last, store=place.decision)
    ends = ", ".join(str(place.sequence) for place, _ in beginning)
    text = f"founded: cluster {config.cluster_name} of {made.app}, partitions: {made.partitions}, "
    text += f"behind {data.path}, commands up to {ends}; decisions appended: {appended:,}"
    told = {"name": config.cluster_name, "app": made.app, "partitions": made.partitions, "new": True}
    printer.answer(
        {**told, "appended": appended, "sequences": [place.sequence for place, _ in beginning]}, text
    )
    return Exit.OK
