"""The extras: what is installed only where a setting asks for it."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple

from engine.base.errors import ConfigError
from engine.node.config import Config


class Extra(NamedTuple):
    """What it is for, and the packages that it installs, by the names by which they are imported."""

    text: str
    packages: tuple[str, ...]

    def missing(self) -> list[str]:
        """Those of its packages that are not installed."""
        return [package for package in self.packages if not _is_there(package)]


HTTP = Extra("HTTP", ("starlette", "uvicorn", "httptools", "prometheus_client"))
EXTRAS: Mapping[str, tuple[str, Extra]] = {
    "http": ("http", HTTP),
    "cluster": ("cluster", Extra("a cluster", ("nats",))),
    "traces": ("otel", Extra("traces", ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"))),
}
"""By setting: the extra of that name in pyproject.toml."""


def expect_extras(config: Config) -> None:
    """ConfigError if a setting asks for what is not installed."""
    for setting, (name, extra) in EXTRAS.items():
        if not getattr(config, setting):
            continue
        if missing := extra.missing():
            text = f"{extra.text} needs packages that are not installed"
            hint = f"pip install 'ringfold[{name}]', or leave the setting {setting} empty"
            raise ConfigError(text, missing=", ".join(missing).replace("_", "-"), hint=hint)


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False
