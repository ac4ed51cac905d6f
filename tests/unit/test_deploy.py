"""What `deploy/` ships fits the code: the unit of systemd, and the Dockerfile, which no engine reads here."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from engine.cli import serve
from engine.cli.command import Program
from engine.cli.commands import command_named
from engine.cli.parser import parser_of
from engine.node.config import PREFIX, Config, names
from engine.node.policy import FINAL

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "ringfold.service"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SECONDS = {"": 1, "s": 1, "min": 60}


def section(name: str) -> dict[str, str]:
    """The last value of each setting of a section of the unit."""
    text = re.sub(r"^#.*\n", "", UNIT.read_text(), flags=re.MULTILINE)
    (body,) = re.findall(rf"^\[{name}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    return dict(line.split("=", 1) for line in body.splitlines() if line)


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(\w*)", text).groups()  # type: ignore[union-attr]
    return float(number) * SECONDS[unit]


def instructions() -> list[tuple[str, str]]:
    """(instruction, argument) of the Dockerfile."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    split = [line.split(maxsplit=1) for line in text.splitlines() if line]
    return [(word, " ".join(rest.split())) for word, rest in split]


def last(instruction: str) -> str:
    return [argument for word, argument in instructions() if word == instruction][-1]


def test_a_unit_is_not_restarted_after_what_restarting_cannot_mend() -> None:
    service = section("Service")
    assert service["Restart"] == "on-failure"
    assert [int(code) for code in service["RestartPreventExitStatus"].split()] == sorted(FINAL)


def test_a_unit_gives_a_node_the_time_that_it_needs() -> None:
    service, config = section("Service"), Config()
    assert (service["Type"], service["KillMode"]) == ("notify", "mixed")
    assert seconds(service["TimeoutStopSec"]) > 2 * config.stop_seconds
    assert seconds(service["WatchdogSec"]) > 2 * config.hang_seconds
    assert service["OOMPolicy"] == "continue"


def test_a_unit_starts_what_the_command_line_knows() -> None:
    program, command, *arguments = section("Service")["ExecStart"].split()
    assert Path(program).name == "ringfold"
    known = command_named(command)
    assert known is not None
    parser_of(known, serve, Program()).parse(arguments)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="NOT CHECKED: no systemd-analyze here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "ringfold.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text(), flags=re.M))
    verify = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60)
    complaints = [line for line in done.stderr.splitlines() if "ringfold.service" in line]
    assert (done.returncode, complaints) == (0, [])


def test_an_image_has_two_stages_and_the_second_builds_nothing() -> None:
    begins = [at for at, (word, _) in enumerate(instructions()) if word == "FROM"]
    assert [instructions()[at][1] for at in begins] == ["python:3.13-slim AS build", "python:3.13-slim"]
    second = instructions()[begins[1] :]
    assert not any("pip" in argument for word, argument in second if word == "RUN")
    assert [argument for word, argument in second if word == "COPY"] == [
        "--from=build /opt/ringfold /opt/ringfold"
    ]


def test_an_image_runs_as_a_user_stops_in_order_and_says_how_it_is() -> None:
    assert last("USER") == "10001:10001"
    assert last("STOPSIGNAL") == "SIGTERM"
    assert last("VOLUME") == "/data"
    assert json.loads(last("ENTRYPOINT")) == ["ringfold"]
    assert json.loads(last("CMD")) == ["serve"]  # not by a shell, which would keep the signal for itself
    known = re.search(r" CMD ringfold (\w+)", last("HEALTHCHECK"))
    assert known is not None
    assert command_named(known[1]) is not None


def test_an_image_names_settings_that_exist() -> None:
    given = re.findall(rf"{PREFIX}(\w+)=", last("ENV"))
    assert given
    assert {name.lower() for name in given} <= set(names())


def test_an_image_copies_what_the_wheel_is_made_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = [name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    files = [project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"]
    copied = {
        source
        for word, argument in instructions()
        if word == "COPY" and not argument.startswith("--from")
        for source in argument.split()[:-1]
    }
    assert copied == {*packages, *files}
    sent = re.findall(r"^!(.*)", (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert set(sent) == copied
