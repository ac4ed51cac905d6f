"""Settings in files: the one that is named, and the project's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base.errors import ConfigError
from engine.node import config
from engine.node.setting_files import project_table

ROOT = Path(__file__).parents[4]


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_a_project_names_its_application(tmp_path: Path) -> None:
    table = project_table(project(tmp_path, '[tool.ringfold]\napp = "shop:app"\npartitions = 4\n'))
    assert table == {"app": "shop:app", "partitions": 4}


@pytest.mark.parametrize("text", ["", "[project]\nname = 'shop'\n", "[tool.other]\napp = 'x'\n"])
def test_a_project_need_not_say_anything(tmp_path: Path, text: str) -> None:
    assert project_table(project(tmp_path, text)) == {}


def test_a_folder_need_not_be_a_project(tmp_path: Path) -> None:
    assert project_table(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "says"), [("[tool", "not TOML"), ("[tool]\nringfold = 3\n", "tool.ringfold is not a table")]
)
def test_a_bad_project_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        project_table(project(tmp_path, text))


def test_the_project_wins_over_the_default_only(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("[ringfold]\npartitions = 8\n")
    mine = {"partitions": 2, "checkpoint_ms": 7}
    settings = config.load({}, {}, file, {"checkpoint_ms": 9}, mine)
    sources = {value.name: (value.value, value.source) for value in settings.values}
    assert sources["partitions"] == (8, f"file {file}")
    assert sources["checkpoint_ms"] == (7, "file pyproject.toml")


def test_a_slip_in_the_project_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"source=file pyproject.toml\); did you mean partitions"):
        config.load({}, {}, project={"partition": 2})


def test_the_command_line_reads_the_project_in_the_working_directory(tmp_path: Path) -> None:
    project(tmp_path, '[tool.ringfold]\ndata = "here"\npartitions = 2\n')
    (tmp_path / "here").mkdir()
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}

    def typed(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "engine", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30,
        )  # fmt: skip

    shown = json.loads(typed("config", "--json").stdout)["data"]
    assert shown["partitions"] == {"value": 2, "source": "file pyproject.toml"}
    assert f"no node is running on this data directory (path={tmp_path / 'here'})" in typed("status").stderr
    refused = typed("serve")
    assert refused.returncode == 2
    assert "no application is named; name one: --app module:attribute" in refused.stderr
