"""Options that several commands share: every setting as a flag, and where the data directory is."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.base.errors import ConfigError, RingfoldError
from engine.cli.command import Program
from engine.node.data_directory import DataDirectory
from engine.node.running import DATA
from engine.node.setting_files import project_table

if TYPE_CHECKING:
    from engine.model.app import Engine
    from engine.node.config import Settings

NO_DATA = "name one with --data DIR; a start of a node makes one"
METAVARS = {
    "data": "DIR",
    "app": "MODULE:NAME",
    "endpoint": "ENDPOINT",
    "http": "HOST:PORT",
    "http_hosts": "HOST,…",
    "http_certificate": "FILE",
    "http_key": "FILE",
    "http_proxy": "ADDRESS",
    "clock": "CLOCK",
    "traces": "URL",
    "cluster": "URL,…",
    "cluster_monitors": "URL,…",
    "cluster_credentials": "FILE",
    "cluster_ca": "FILE",
    "cluster_certificate": "FILE",
    "cluster_name": "NAME",
    "cluster_owns": "PARTITIONS",
    "cluster_workers": "NODE",
    "node": "NAME",
    "journal_keep": "needed|all",
    "journal_archive": "DIR",
    "log_format": "text|json",
    "bytes": "SIZE",
    "ms": "MS",
    "seconds": "SECONDS",
}
SOURCES = """from the flag, or the variable RINGFOLD_NAME, or --config, or [tool.ringfold] of the
pyproject.toml in the working directory; otherwise the default, in parentheses"""


def add_config_options(parser: argparse.ArgumentParser, program: Program) -> None:
    """A flag for each setting of the engine and of the application, and --config."""
    from engine.node import config  # with all that checks settings: not for commands that have none

    parser.usage = f"{parser.prog} [options]"  # with every setting it would be longer than the rest
    _add_settings(parser, program, config.names())


def add_app_options(parser: argparse.ArgumentParser, program: Program) -> None:
    """Options of commands that need the application and its data, but run no node: other settings can
    still be given with --set."""
    _add_settings(parser, program, ("data", "app"))


def _add_settings(parser: argparse.ArgumentParser, program: Program, names: Sequence[str]) -> None:
    from engine.node import config

    parser.add_argument("--config", metavar="FILE", help="TOML file with a table [ringfold]")
    group = parser.add_argument_group("settings", SOURCES)
    for name in names:
        text, default = config.describe(name)
        default = str(program.defaults.get(name, default)) or "none"
        text = f"{text} ({default})"
        group.add_argument(_flag(name), metavar=_metavar(name), dest=f"set_{name}", help=text)
    for name, text in program.app_settings.items():
        group.add_argument(_flag(name), metavar=name.upper(), dest=f"set_{name}", help=text)
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="more",
        help="a setting by its name, an application's too; may be repeated",
    )


def settings_from(options: argparse.Namespace, program: Program) -> "Settings":
    """Resolves all settings from parsed options, environment, file and defaults. Raises ConfigError."""
    from engine.node import config

    flags: dict[str, str | None] = {
        name.removeprefix("set_"): value for name, value in vars(options).items() if name.startswith("set_")
    }
    for item in options.more:
        name, equals, value = item.partition("=")
        if not equals:
            raise ConfigError("--set takes NAME=VALUE", given=item)
        flags[name.replace("-", "_")] = value
    return config.load(flags, os.environ, options.config, program.defaults, project_table())


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """--data, for commands that read a data directory and need no other setting."""
    parser.add_argument("--data", metavar="DIR", help=f"data directory (RINGFOLD_DATA, or {DATA})")


def data_from(options: argparse.Namespace) -> DataDirectory:
    """The data directory that the options name. Raises ConfigError if there is none."""
    return _there(place_from(options))


def place_from(options: argparse.Namespace) -> str:
    """Where that data directory is, or is to be."""
    return options.data or os.environ.get("RINGFOLD_DATA") or project_table().get("data") or DATA


def data_of(settings: "Settings") -> DataDirectory:
    """The data directory, for commands that have all settings."""
    return _there(settings.config.data)


def app_and_data_from(options: argparse.Namespace, program: Program) -> "tuple[Engine, DataDirectory]":
    """The application, not checked, and the data directory that the settings name. If they name none, it is
    the application of the node that runs there. ConfigError if there is none, or if the directory is of
    another application or of other reference data."""
    settings = settings_from(options, program)
    reference, more = settings.config.app, dict[str, str]()
    if not settings.given("app"):
        of_node, more = _app_of_node(settings.config.data)
        reference = of_node or reference
    reference, data = reference or settings.app(), data_of(settings)
    if not data.manifest_file.is_file():
        raise ConfigError("this is not a data directory", path=data.path, hint="name one with --data DIR")
    # Imported here, as it brings everything: not for commands that need no application.
    from engine.model.loading import import_app

    app = import_app(reference, {**more, **settings.app_settings})
    data.match(app.name, app.fingerprint)
    return app, data


def _app_of_node(data: str) -> tuple[str, dict[str, str]]:
    """The name of the application of the node that runs there, and its settings; nothing if none runs."""
    from engine.node.description import read_description  # not for commands that have no application
    from engine.node.running import find_node

    try:
        node = read_description(find_node(DataDirectory.at(data)).run)
    except RingfoldError:
        return "", {}
    return node.app, node.app_settings


def _there(text: str) -> DataDirectory:
    data = DataDirectory.at(text)
    if not data.path.is_dir():
        raise ConfigError("there is no data directory", path=data.path, hint=NO_DATA)
    data.expect_plain_files()
    return data


def _metavar(name: str) -> str:
    """The word for the value in help: its own, or that of the unit that ends the name."""
    return METAVARS.get(name) or METAVARS.get(name.rpartition("_")[2], "N")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
