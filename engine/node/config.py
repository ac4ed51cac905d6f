"""Configuration: one object, and where each of its values came from.

A flag wins over the environment (RINGFOLD_NAME), the environment over a file that is named (TOML, table
[ringfold]), that file over the project's own (pyproject.toml, table [tool.ringfold]), and this one over the
default. An application may have settings of its own: its module names them in `SETTINGS`, and they are found
in the same places. Any error is one ConfigError, before anything is started.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.base.called import called
from engine.base.errors import ConfigError
from engine.model.references import module_of
from engine.node.clock import SYSTEM, rate_of
from engine.node.front import check_front
from engine.node.running import DATA
from engine.node.setting_files import PROJECT_FILE, named_table

PREFIX = "RINGFOLD_"
MOST_PARTITIONS = 64
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
NAMING = "name one: --app module:attribute, RINGFOLD_APP, or app in [tool.ringfold] of pyproject.toml"
LEAST_COMMIT_BYTES = 100  # of a commit on its way to the store
LEAST_RING_IN_CLUSTER = 4 * MIB  # messages of 512 KiB are queued, also by nodes with other limits
IPC_PATH_LIMIT = 100  # sun_path holds 108 bytes on Linux, 104 elsewhere


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a node. Sizes in bytes, times in the unit that ends the name."""

    data: Annotated[str, Meta(description="data directory")] = DATA
    app: Annotated[str, Meta(description="the application, by its name in a module")] = ""
    endpoint: Annotated[
        str,
        Meta(description="where commands are taken: ipc://PATH or tcp://127.0.0.1:PORT; empty: a fresh ipc"),
    ] = ""
    http: Annotated[
        str, Meta(description="where HTTP is served: HOST:PORT, port 0: a free one; empty: nowhere")
    ] = ""
    http_hosts: Annotated[
        str, Meta(description="names of hosts, by commas, under which clients may call, beside the address")
    ] = ""
    http_certificate: Annotated[str, Meta(description="file of the certificate, and its chain, for TLS")] = ""
    http_key: Annotated[str, Meta(description="file of the key of the certificate")] = ""
    http_proxy: Annotated[str, Meta(description="IP address of the proxy in front that ends TLS")] = ""
    partitions: Annotated[
        int,
        Meta(ge=1, le=MOST_PARTITIONS, description="a power of two, fixed when the data directory is made"),
    ] = 1

    clock: Annotated[
        str,
        Meta(
            description="system, or simulated:START xFACTOR; fixed when the data directory is made",
        ),
    ] = SYSTEM

    # Three rings per partition. A batch that a core hands on is larger than the commands it came from.
    ring_bytes: Annotated[int, Meta(ge=64 * KIB, le=GIB, description="capacity of one ring")] = 16 * MIB
    segment_bytes: Annotated[int, Meta(ge=64 * KIB, le=4 * GIB, description="size of a journal segment")] = (
        64 * MIB
    )
    # It is sparse: only address space until it is used. It is never resized while other processes have it
    # open.
    map_bytes: Annotated[
        int, Meta(ge=16 * MIB, le=1 << 44, description="most that the event store of a partition can hold")
    ] = 64 * GIB

    max_message_bytes: Annotated[
        int, Meta(ge=KIB, le=64 * MIB, description="largest message a client may send")
    ] = MIB
    max_commands_per_message: Annotated[
        int, Meta(ge=1, le=1_000_000, description="most commands in one message")
    ] = 10_000
    max_in_flight_per_client: Annotated[
        int, Meta(ge=1, le=10_000_000, description="most unanswered commands of one client")
    ] = 100_000
    max_wait_ms: Annotated[
        int,
        Meta(ge=0, le=600_000, description="if commands would wait for longer, they are busy; 0: no bound"),
    ] = 25
    max_connections: Annotated[
        int, Meta(ge=1, le=100_000, description="most connections of clients that send commands")
    ] = 400
    disk_reserve_bytes: Annotated[
        int, Meta(ge=0, le=1 << 44, description="free disk space below which commands are answered busy")
    ] = 256 * MIB
    memory_reserve_bytes: Annotated[
        int, Meta(ge=0, le=1 << 44, description="available memory below which commands are answered busy")
    ] = 256 * MIB
    duplicate_window: Annotated[
        int, Meta(ge=1_000, le=100_000_000, description="how many rejections and no-changes are remembered")
    ] = 250_000
    checkpoint_ms: Annotated[
        int, Meta(ge=1, le=600_000, description="longest time between two saves of a view")
    ] = 500

    turn_ms: Annotated[
        int,
        Meta(ge=0, le=100, description="longest turn of a process on a busy processor; 0: the system's own"),
    ] = 0

    snapshot_events: Annotated[
        int,
        Meta(ge=0, le=1 << 40, description="new events of a partition that make a snapshot due; 0: none"),
    ] = 1_000_000
    journal_keep: Annotated[
        Literal["needed", "all"],
        Meta(description="needed: segments go when two snapshots have what came of them; all: none goes"),
    ] = "needed"
    journal_archive: Annotated[
        str, Meta(description="folder that such segments are moved to; empty: they are removed")
    ] = ""

    traces: Annotated[
        str,
        Meta(
            pattern="^(https?://.+)?$",
            description="where a collector takes spans (http://HOST:4318/v1/traces); empty: none",
        ),
    ] = ""

    # Of several nodes; see docs/CLUSTER.md.
    cluster: Annotated[
        str, Meta(description="URLs of NATS servers, separated by commas; empty: this node is alone")
    ] = ""
    cluster_monitors: Annotated[
        str, Meta(description="monitoring addresses of those servers (http://…), to see that they flush")
    ] = ""
    cluster_credentials: Annotated[
        str, Meta(description="file of a NATS user's credentials (.creds), or of the seed of an nkey (.nk)")
    ] = ""
    cluster_ca: Annotated[
        str, Meta(description="file of the authority that signed the NATS servers' certificates: TLS only")
    ] = ""
    cluster_certificate: Annotated[
        str, Meta(description="file of this node's certificate and private key, where NATS asks for one")
    ] = ""
    cluster_name: Annotated[
        str, Meta(pattern="^[A-Za-z0-9_-]{1,32}$", description="what its nodes share, and others do not")
    ] = "ringfold"
    node: Annotated[
        str,
        Meta(pattern="^[A-Za-z0-9_.-]{0,64}$", description="name of this node; empty: that of the machine"),
    ] = ""
    cluster_owns: Annotated[
        str,
        Meta(description="partitions this node always owns, as in 0,3, or all; empty: it takes its share"),
    ] = ""
    cluster_workers: Annotated[
        str,
        Meta(description="name of the node that runs all workers; empty: each runs where its owner is"),
    ] = ""
    cluster_replicas: Annotated[
        int, Meta(ge=1, le=5, description="copies that NATS keeps of each log; 3 is the least that is safe")
    ] = 3
    cluster_queue_bytes: Annotated[
        int, Meta(ge=MIB, le=1 << 40, description="commands of a partition that may wait to be decided")
    ] = 256 * MIB

    log_format: Annotated[
        Literal["text", "json"], Meta(description="of the log: for people, or for programs")
    ] = "text"

    start_seconds: Annotated[
        float,
        Meta(ge=1, le=86_400, description="a starting process that makes no progress for so long is killed"),
    ] = 120.0
    hang_seconds: Annotated[
        float,
        Meta(ge=0.5, le=86_400, description="a process or handler without progress for so long is killed"),
    ] = 10.0
    stop_seconds: Annotated[
        float,
        Meta(ge=0.5, le=86_400, description="time to drain on a graceful stop; then processes are killed"),
    ] = 10.0


@dataclass(frozen=True)
class Value:
    """A resolved setting and where it came from: a flag, a variable, a file or the default."""

    name: str
    value: Any
    source: str
    description: str = ""


@dataclass(frozen=True)
class Settings:
    """The config of the engine, the settings of the application, and the origin of each."""

    config: Config
    app_settings: dict[str, str]
    values: tuple[Value, ...]

    def app(self) -> str:
        """The name of the application. Raises ConfigError if none is named."""
        if not self.config.app:
            raise ConfigError("no application is named", hint=NAMING)
        return self.config.app

    def given(self, name: str) -> bool:
        """True if it was set; False if it is the default."""
        return any(value.name == name and value.source != "default" for value in self.values)


def names() -> tuple[str, ...]:
    """The engine's own setting names, in reading order."""
    return Config.__struct_fields__


def describe(name: str) -> tuple[str, str]:
    """(description, default as text) of a setting, for help texts."""
    description, default = _fields()[name]
    return description, show(name, default)


def load(
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    file: str | Path | None = None,
    defaults: Mapping[str, Any] | None = None,
    project: Mapping[str, Any] | None = None,
) -> Settings:
    """Resolves every setting. `flags` are texts by name, None meaning not given; `project` is the table of
    the working directory's pyproject.toml. Raises ConfigError."""
    places: list[tuple[str, Mapping[str, Any]]] = [
        ("flag", {name: text for name, text in flags.items() if text is not None}),
        ("environment", _from_environment(environment)),
        (f"file {file}", named_table(file) if file else {}),
        (f"file {PROJECT_FILE}", project or {}),
        ("default", {**{name: default for name, (_, default) in _fields().items()}, **(defaults or {})}),
    ]
    values = [_resolve(name, places) for name in names()]
    config = _checked({value.name: value.value for value in values})
    own = app_setting_names(config.app)
    known = {*names(), *own}
    for source, texts in places[:-1]:
        for name in texts:
            if name in known:
                continue
            import difflib  # only for a mistake

            close = difflib.get_close_matches(name, known, 1, 0.8)
            # Other programs may use the prefix for themselves, so only what looks like a slip is one.
            if source != "environment" or close:
                hint = f"did you mean {close[0]}?" if close else f"`{called()} config` lists all settings"
                raise ConfigError("unknown setting", name=name, source=source, hint=hint)
    app_values = [_resolve(name, [*places, ("default", {name: ""})]) for name in own]
    settings = {value.name: str(value.value) for value in app_values if value.value != ""}
    return Settings(config, settings, (*values, *app_values))


def app_setting_names(reference: str) -> tuple[str, ...]:
    """The settings that an application declares in its module's SETTINGS."""
    if not reference:
        return ()
    own = vars(module_of(reference)).get("SETTINGS", ())
    if not isinstance(own, (tuple, list)) or not all(isinstance(name, str) for name in own):
        text = 'SETTINGS of an application are names, as in ("timetable",)'
        raise ConfigError(text, app=reference, found=repr(own))
    if taken := sorted(set(own).intersection(names())):
        text = "SETTINGS of an application name a setting of the engine"
        raise ConfigError(text, app=reference, name=", ".join(taken))
    return tuple(own)


def show(name: str, value: Any) -> str:
    """The value as an operator would write it, such as 16MiB rather than 16777216."""
    if isinstance(value, int) and name.endswith("_bytes"):
        for size, unit in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
            if value >= size and value % size == 0:
                return f"{value // size}{unit}"
    return str(value)


@cache
def _fields() -> dict[str, tuple[str, Any]]:
    fields: dict[str, tuple[str, Any]] = {}
    for field in msgspec.structs.fields(Config):
        meta = next(note for note in field.type.__metadata__ if isinstance(note, Meta))
        fields[field.name] = (meta.description or "", field.default)
    return fields


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and text != ""
    }


def _resolve(name: str, places: list[tuple[str, Mapping[str, Any]]]) -> Value:
    fields = _fields()
    description, default = fields.get(name, ("setting of the application", ""))
    for source, texts in places:
        if name in texts:
            written = {"flag": f"flag --{name.replace('_', '-')}", "environment": PREFIX + name.upper()}
            where = written.get(source, source)
            return Value(name, _convert(name, texts[name], type(default), where), where, description)
    raise ConfigError("a setting has no value", name=name)


def _convert(name: str, given: Any, kind: type, source: str) -> Any:
    if kind is str and isinstance(given, str):
        return given
    if kind is int and isinstance(given, int) and not isinstance(given, bool):
        return given
    if kind is float and isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    if kind is int and isinstance(given, str):
        match = re.fullmatch(r"(\d[\d_]*) ?(KiB|MiB|GiB|TiB)?", given.strip())
        if match:
            unit = {"KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": GIB * KIB}.get(match[2], 1)
            return int(match[1]) * unit
    if kind is float and isinstance(given, str) and re.fullmatch(r"\d+(\.\d+)?", given.strip()):
        return float(given)
    wanted = {int: "a whole number, or a size such as 16MiB", float: "a number of seconds", str: "a text"}
    hint = f"it must be {wanted[kind]}"
    raise ConfigError("a setting has a bad value", name=name, value=given, source=source, hint=hint)


def _checked(values: dict[str, Any]) -> Config:
    try:
        config = msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`")
        text = str(error).partition(" - at")[0]
        given = show(name, values.get(name))
        hint = text[0].lower() + text[1:]
        raise ConfigError("a setting is out of range", name=name, value=given, hint=hint) from None
    if config.partitions & (config.partitions - 1):
        raise ConfigError("partitions must be a power of two", value=config.partitions)
    if config.ring_bytes < 8 * config.max_message_bytes:
        raise ConfigError(
            "ring_bytes is too small: a ring must take the batch that one message becomes",
            ring_bytes=show("ring_bytes", config.ring_bytes),
            hint=f"at least 8 x max_message_bytes, {show('max_message_bytes', 8 * config.max_message_bytes)}",
        )
    if config.cluster and config.ring_bytes < LEAST_RING_IN_CLUSTER:
        raise ConfigError(
            "ring_bytes is too small for a node of a cluster: a ring must take what other nodes queue",
            ring_bytes=show("ring_bytes", config.ring_bytes),
            hint=f"at least {show('ring_bytes', LEAST_RING_IN_CLUSTER)}",
        )
    if config.segment_bytes < 4 * config.max_message_bytes:
        raise ConfigError(
            "segment_bytes is too small: a segment must take whole batches",
            segment_bytes=show("segment_bytes", config.segment_bytes),
            hint=f"at least 4 x max_message_bytes, {show('max_message_bytes', 4 * config.max_message_bytes)}",
        )
    if config.duplicate_window < config.ring_bytes // LEAST_COMMIT_BYTES:
        raise ConfigError(
            "duplicate_window is too small: it must reach back over all that waits in a ring",
            duplicate_window=config.duplicate_window,
            hint=f"at least ring_bytes / {LEAST_COMMIT_BYTES}, {config.ring_bytes // LEAST_COMMIT_BYTES}",
        )
    check_endpoint(config.endpoint)
    check_front(config)
    rate_of(config.clock)
    return config


def check_endpoint(endpoint: str) -> None:
    """Refuses what clients could not reach, and networks, since nothing authenticates a client yet."""
    if endpoint == "":
        return
    if endpoint.startswith("ipc://"):
        path = endpoint.removeprefix("ipc://")
        if not path.startswith("/") or len(path.encode()) > IPC_PATH_LIMIT:
            raise ConfigError(
                "an ipc endpoint needs an absolute path of at most 100 bytes", endpoint=endpoint
            )
        return
    match = re.fullmatch(r"tcp://(127\.0\.0\.1|localhost):(\d{1,5})", endpoint)
    if not match or not 0 < int(match[2]) < 65536:
        raise ConfigError(
            "commands are taken on ipc://PATH or on loopback only",
            endpoint=endpoint,
            hint="for example tcp://127.0.0.1:7306; nothing authenticates clients yet",
        )
