"""The demo at a small size: it sells, it checks, it says so, and its exit code can be believed."""

import os
import signal
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import psutil
import pytest

from domain_12306.demo import checks
from domain_12306.demo.seller import Account
from domain_12306.demo.story import verdict
from engine import Client
from tests.acceptance.kit import ROOT, clean_environment, gone, open_run, railway, reserve, ringfold
from tests.deadline import until

SMALL = ("--trains", "8", "--seconds", "0.6", "--clients", "2")


@pytest.mark.smoke
def test_the_demo_sells_shows_and_checks(tmp_path: Path) -> None:
    shown = ringfold("demo", *SMALL, "--ring-bytes", "8MiB", env={"TMPDIR": str(tmp_path)}, timeout_s=60)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    lines = shown.stdout.splitlines()
    labels = [line.split()[0] for line in lines if line[:1].strip()]
    assert labels == [
        "node", "on", "before", "orders", "after", "sold", "answers", "throughput", "latency", "checked",
        "result",
    ]  # fmt: skip
    assert lines[-1].split(maxsplit=1)[1] == "every promise was kept"
    assert sum("kept " in line for line in lines) == 7
    assert "BROKEN" not in shown.stdout
    assert list(tmp_path.iterdir()) == [], "nothing stays behind"


@pytest.mark.smoke
def test_the_demo_takes_its_settings_from_where_serve_does(tmp_path: Path) -> None:
    bad = ringfold("demo", *SMALL, env={"RINGFOLD_TIMETABLE": str(tmp_path / "none.csv")})
    assert bad.returncode == 2
    assert "none.csv" in bad.stderr
    file = tmp_path / "few.csv"
    file.write_text("K1,甲,1,,08:00,0,,,,,,\nK1,乙,2,09:00,09:05,10,,,,,,\nK1,丙,3,10:00,,20,,,,,,\n")
    shown = ringfold("demo", "--seconds", "0.3", "--clients", "1", "--timetable", str(file), timeout_s=60)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "15 runs of 1 trains" in shown.stdout
    assert "K1" in shown.stdout


@pytest.mark.parametrize("arguments", [("--seconds", "0"), ("--trains", "none"), ("--clients", "-1")])
def test_what_makes_no_demo_is_refused(arguments: tuple[str, ...]) -> None:
    assert ringfold("demo", *arguments).returncode == 2


@pytest.mark.parametrize(
    "to_all",
    [True, pytest.param(False, marks=pytest.mark.smoke)],
    ids=["from a terminal", "to the demo alone"],
)
def test_ctrl_c_ends_it_in_order_and_leaves_nothing_behind(tmp_path: Path, to_all: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "run.py", "demo", "--trains", "8", "--seconds", "60"],
        cwd=ROOT,
        env=clean_environment() | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # tests may ignore it
    ) as demo:
        assert demo.stdout is not None
        while not demo.stdout.readline().startswith("before"):
            assert demo.poll() is None
        family = psutil.Process(demo.pid).children(recursive=True)
        (os.killpg if to_all else os.kill)(demo.pid, signal.SIGINT)
        _, told = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []
    until(lambda: all(gone(process.pid) for process in family), what="all its processes are gone")


@pytest.mark.smoke
def test_every_check_finds_what_it_looks_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    with railway(data) as node, Client(node.endpoints) as client:
        assert client.send(open_run(0)).ok
        receipts = client.send_many([reserve(0, f"o{k}", k % 3, 4) for k in range(9)])
        log = checks.read_log(data, 1, {})
        account = Account({r.id: (r.outcome, r.version, r.partition, r.position) for r in receipts})
        assert verdict(everything(log, account, data, client)) == 0

        first, last = receipts[0].id, receipts[-1].id
        (run,) = log.events
        unheard, changed, invented = (deepcopy(account) for _ in range(3))
        del unheard.answers[first]
        changed.answers[first] = account.answers[last]
        invented.answers["0" * 32] = account.answers[last]
        twice, shortened = deepcopy(log), deepcopy(log)
        twice.events[run].append(twice.events[run][1])
        shortened.events[run].pop()
        for wrong in (
            everything(log, unheard, data, client)[:1],
            everything(log, changed, data, client)[:1],
            everything(log, invented, data, client)[:1],
            everything(log, invented, data, client)[1:2],
            everything(twice, account, data, client)[2:3],
            everything(shortened, account, data, client)[3:],
        ):
            assert verdict(wrong) == 5
            assert "BROKEN" in capsys.readouterr().out


def everything(
    log: checks.Log, account: Account, data: Path, client: Client
) -> list[checks.Finding]:
    return [
        checks.check_answers(log, [account]),
        checks.check_journal(data, [account], log),
        checks.check_rules(log),
        checks.check_view(log, client),
    ]
