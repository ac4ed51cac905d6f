import tomllib
from pathlib import Path

import pytest

from engine.base.errors import ConfigError, Exit
from engine.node import config


def refused(
    flags: dict[str, str | None] | None = None,
    environment: dict[str, str] | None = None,
    file: Path | None = None,
) -> str:
    with pytest.raises(ConfigError) as caught:
        config.load(flags or {}, environment or {}, file)
    assert caught.value.exit_code == Exit.CONFIG
    assert "\n" not in str(caught.value)
    return str(caught.value)


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ringfold.toml"
    path.write_text(text)
    return path


def source_of(settings: config.Settings, name: str) -> str:
    return next(value.source for value in settings.values if value.name == name)


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(tmp_path: Path) -> None:
    file = toml(tmp_path, "[ringfold]\npartitions = 8\nring_bytes = '12MiB'\ncheckpoint_ms = 7\n")
    environment = {"RINGFOLD_PARTITIONS": "4", "RINGFOLD_RING_BYTES": "20MiB"}
    settings = config.load({"partitions": "2", "ring_bytes": None}, environment, file)
    assert settings.config.partitions == 2
    assert settings.config.ring_bytes == 20 << 20
    assert settings.config.checkpoint_ms == 7
    assert settings.config.segment_bytes == 64 << 20
    assert source_of(settings, "partitions") == "flag --partitions"
    assert source_of(settings, "ring_bytes") == "RINGFOLD_RING_BYTES"
    assert source_of(settings, "checkpoint_ms") == f"file {file}"
    assert source_of(settings, "segment_bytes") == "default"
    assert settings.given("partitions")
    assert not settings.given("segment_bytes")


def test_defaults_of_the_program_replace_those_of_the_engine() -> None:
    settings = config.load({}, {}, None, {"data": "/elsewhere"})
    assert settings.config.data == "/elsewhere"
    assert not settings.given("data")


def test_an_empty_environment_variable_is_not_set() -> None:
    assert config.load({}, {"RINGFOLD_PARTITIONS": ""}).config.partitions == 1


@pytest.mark.parametrize("name", config.names())
def test_every_setting_is_described(name: str) -> None:
    description, _ = config.describe(name)
    assert len(description) > 10


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("partitions", "x", "whole number"),
        ("partitions", "-1", "whole number"),
        ("partitions", "0", ">= 1"),
        ("partitions", "128", "<= 64"),
        ("partitions", "3", "power of two"),
        ("ring_bytes", "16MB", "16MiB"),
        ("ring_bytes", "1KiB", ">= 65536"),
        ("ring_bytes", "1MiB", "8 x max_message_bytes, 8MiB"),
        ("segment_bytes", "1MiB", "4 x max_message_bytes"),
        ("stop_seconds", "soon", "seconds"),
        ("stop_seconds", "0.1", ">= 0.5"),
        ("stop_seconds", "nan", "seconds"),
        ("endpoint", "tcp://0.0.0.0:7306", "loopback"),
        ("endpoint", "tcp://127.0.0.1:99999", "loopback"),
        ("endpoint", "udp://127.0.0.1:1", "loopback"),
        ("endpoint", "ipc://relative", "absolute"),
        ("endpoint", "ipc:///" + "x" * 120, "100 bytes"),
        ("app", "no_colon", "MODULE:NAME"),
        ("app", "no_such_module_anywhere:create", "there is no module no_such_module_anywhere"),
    ],
)
def test_a_bad_value_is_named_with_what_would_be_good(name: str, text: str, said: str) -> None:
    line = refused({name: text})
    assert said in line
    if name != "app":
        assert name in line or "commands" in line or "ipc" in line


def test_a_ring_of_a_cluster_takes_what_other_nodes_queue() -> None:
    small: dict[str, str | None] = {"ring_bytes": "1MiB", "max_message_bytes": "64KiB"}
    said = refused(small | {"cluster": "nats://127.0.0.1:1"})
    assert "ring_bytes is too small for a node of a cluster" in said
    assert "4MiB" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ringfold]\npartitons = 2\n", "did you mean partitions"),
        ("[ringfold]\ncolour = 'red'\n", "unknown setting (name=colour"),
        ("[ringfold]\npartitions = true\n", "whole number"),
        ("[ringfold]\npartitions = 1.5\n", "whole number"),
        ("[ringfold]\ndata = 5\n", "a text"),
        ("[ringfold\n", "not TOML"),
        ("[other]\n", "no table [ringfold]"),
        ("ringfold = 1\n", "no table [ringfold]"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(file=toml(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(file=tmp_path / "absent.toml")


def test_a_slip_in_an_environment_variable_is_refused_and_a_foreign_one_is_not() -> None:
    assert "did you mean partitions" in refused(environment={"RINGFOLD_PARTITON": "2"})
    assert config.load({}, {"RINGFOLD_SOMETHING_ELSE_ALTOGETHER": "2"}).config.partitions == 1


def test_the_settings_of_an_application_come_from_the_same_places(tmp_path: Path) -> None:
    app = "tests.unit.engine.cli.sample:create"
    file = toml(tmp_path, "[ringfold]\ncolour = 'red'\nshape = 'round'\n")
    settings = config.load({"app": app, "size": "9"}, {"RINGFOLD_SHAPE": "square"}, file)
    assert settings.app_settings == {"colour": "red", "shape": "square", "size": "9"}
    assert config.load({"app": app}, {}).app_settings == {}
    assert "unknown setting (name=weight, source=flag" in refused({"app": app, "weight": "1"})


def test_sizes_are_shown_as_an_operator_writes_them_and_read_back() -> None:
    assert config.show("ring_bytes", 16 << 20) == "16MiB"
    assert config.show("ring_bytes", 1000) == "1000"
    assert config.show("max_commands_per_message", 1024) == "1024"
    shown = {name: config.describe(name)[1] for name in config.names()}
    assert config.load(dict(shown), {}).config == config.Config()


def test_what_config_accepts_is_valid_toml(tmp_path: Path) -> None:
    line = '[ringfold]\nring_bytes = "16MiB"\nhang_seconds = 3\n'
    assert tomllib.loads(line)
    assert config.load({}, {}, toml(tmp_path, line)).config.hang_seconds == 3.0


def test_a_duplicate_window_that_ends_before_the_ring_does_is_refused() -> None:
    assert "duplicate_window is too small" in refused({"duplicate_window": "1000"})
    wide = config.load({"duplicate_window": "1000000", "ring_bytes": "64MiB"}, {})
    assert wide.config.ring_bytes == 64 << 20
