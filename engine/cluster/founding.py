"""The founding of a cluster, and what its nodes have in common: the manifest in its bucket."""

import os
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import msgspec
from nats.js.errors import NotFoundError

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import ConfigError, Fault
from engine.base.identity import INDEX_KEY_BYTES
from engine.cluster.jetstream import FAILURES, TOO_FEW_SERVERS, make_streams, until_answered, until_settled
from engine.cluster.link import Link, link_to
from engine.cluster.witness import Wrong, payload_for, wrong_with_servers, wrong_with_streams
from engine.model.app import Engine
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.node.manifest import FORMAT
from engine.store.place import Place, decode_place

MAKE_S = 120.0
ASK_S = 30.0
KEY = "manifest"


class ClusterManifest(msgspec.Struct, frozen=True):
    """What every node of a cluster must agree on. `index_key`: in hex. `begins`: of each partition the
    decision after which its log begins; a store has to reach that far."""

    format: int
    app: str
    fingerprint: str
    partitions: int
    index_key: str
    begins: list[int] = []
    sequences: list[int] = []
    """of each partition the last command that is decided where its log begins"""


def manifest_of(app: Engine, partitions: int) -> ClusterManifest:
    """That of a new cluster, with an index key of its own."""
    key = os.urandom(INDEX_KEY_BYTES).hex()
    return ClusterManifest(FORMAT, app.name, app.fingerprint, partitions, key)


def found(
    config: Config, manifest: ClusterManifest, begins: Sequence[tuple[int, int]] = ()
) -> ClusterManifest:
    """Makes the logs and the manifest; what is there already stays. Returns the manifest that counts.
    `begins`: where the logs begin, if not with the first message."""
    with closing(link_to(config, "init")) as link:
        _expect_right(wrong_now(link, config))
        work = make_streams(
            link,
            config.cluster_name,
            manifest.partitions,
            config.cluster_replicas,
            config.cluster_queue_bytes,
            begins,
        )
        try:
            link.ask(work, MAKE_S)
        except FAILURES as error:
            if getattr(error, "err_code", None) == TOO_FEW_SERVERS:
                text, hint = "there are too few servers for so many copies", "cluster_replicas=1 for a trial"
                raise ConfigError(text, cluster_replicas=config.cluster_replicas, hint=hint) from None
            raise Fault("the logs cannot be made", error=error, hint="are all servers there?") from None

        async def put() -> None:
            bucket = await link.streams.key_value(config.cluster_name)
            try:
                await bucket.get(KEY)
            except NotFoundError:
                await bucket.put(KEY, msgspec.json.encode(manifest))

        link.ask(until_settled(put), MAKE_S)
        return read_manifest(link, config.cluster_name)


def join(config: Config, app: Engine) -> ClusterManifest:
    """What the cluster that a node belongs to has agreed on. ConfigError if it is another application's, if
    its servers cannot be trusted, or if a worker would leave behind what it keeps."""
    staying = [name for name, spec in app.workers.items() if spec.cls.stays]
    if staying and not config.cluster_workers:
        text = "a worker keeps what no other node has, so it needs a node that is named"
        hint = "the same cluster_workers=NODE on all nodes"
        raise ConfigError(text, workers=", ".join(staying), hint=hint)
    with closing(link_to(config, "start")) as link:
        manifest = read_manifest(link, config.cluster_name)
        for name, mine, theirs in (
            ("format", FORMAT, manifest.format),
            ("application", app.name, manifest.app),
            ("reference data", app.fingerprint, manifest.fingerprint),
        ):
            if mine != theirs:
                text = f"the cluster has another {name}"
                raise ConfigError(text, cluster=config.cluster_name, found=theirs, wanted=mine)
        _expect_right(wrong_now(link, config))
        name, partitions = config.cluster_name, manifest.partitions
        try:
            _expect_right(list(wrong_with_streams(link, name, partitions, config.cluster_replicas)))
        except FAILURES as error:
            raise Fault("the logs of the cluster do not answer", name=name, error=error) from None
        return manifest


def expect_reach(manifest: ClusterManifest, data: DataDirectory) -> None:
    """ConfigError if a store ends before the logs begin: nothing could fill the gap."""
    for partition, (begin, sequence) in enumerate(zip(manifest.begins, manifest.sequences, strict=True)):
        place = Place()
        if data.has_store(partition):
            with closing(data.reader(partition)) as reader:
                place = decode_place(reader.place())
        if place.decision < begin or place.sequence < sequence:
            text, hint = (
                "the store ends before the logs of the cluster begin",
                "start on a copy of a store that does not",
            )
            facts = {"partition": partition, "store": place.decision, "log": begin}
            raise ConfigError(text, path=data.path, hint=hint, **facts)


def wrong_now(link: Link, config: Config) -> list[Wrong]:
    """What is wrong with the servers for a node of these settings."""
    payload, copies = payload_for(config.max_message_bytes), config.cluster_replicas
    return list(wrong_with_servers(link, monitors_of(config), copies=copies, payload=payload))


def monitors_of(config: Config) -> list[str]:
    """The monitoring addresses that a setting lists."""
    return [url.strip().rstrip("/") for url in config.cluster_monitors.split(",") if url.strip()]


def read_manifest(link: Link, name: str) -> ClusterManifest:
    """What the cluster of this name has agreed on. Raises ConfigError, Fault."""

    async def get() -> Any:
        return await (await link.quick.key_value(name)).get(KEY)

    try:
        entry = link.ask(until_answered(get), ASK_S)
        return msgspec.json.decode(entry.value or b"", type=ClusterManifest)
    except NotFoundError:
        hint = "`ringfold cluster init` founds it"
        raise ConfigError("there is no such cluster on these servers", name=name, hint=hint) from None
    except FAILURES as error:
        raise Fault("the cluster does not answer", name=name, error=error) from None
    except NOT_DECODABLE as error:
        raise ConfigError("the manifest of the cluster cannot be read", name=name, error=error) from None


def failed(error: BaseException, name: str) -> ConfigError | Fault:
    """What to tell an operator of a question to the servers that failed."""
    if isinstance(error, NotFoundError):
        hint = (
            "`ringfold cluster init` makes it again, and then `ringfold cluster repair --store DIR` fills it"
        )
        return ConfigError("a log of the cluster is not there", name=name, error=error.description, hint=hint)
    hint = "have the majority of the servers found each other?"
    return Fault("the cluster does not answer", name=name, error=error, hint=hint)


def _expect_right(wrong: list[Wrong]) -> None:
    for text, found, hint in wrong:
        raise ConfigError(text, found=found, hint=hint)
