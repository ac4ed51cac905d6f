"""The gateway keeps to its own OpenAPI document, whatever schemathesis makes of it: no bug, no status and no
answer that is not documented, streams included."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.http import Http

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = 15  # of each operation and phase
PATIENCE_S = 400
SHORT = """[parameters]
"query.timeout_ms" = 100
"query.follow" = "0"

[[operations]]
include-path-regex = "^/api/commands"
parameters = { "query.timeout_ms" = 20000 }
"""  # or it waits for views that do not move on, reads endless streams, and leaves commands too early


ALL: list[str] = []
STREAMS = ["--include-path", "/api/events", "--header", "Accept: text/event-stream"]


@pytest.mark.smoke
@pytest.mark.parametrize("asked", [ALL, STREAMS], ids=["all", "streams"])
def test_every_answer_is_one_that_is_documented(http: Http, tmp_path: Path, asked: list[str]) -> None:
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("NOT TESTED: schemathesis is not installed (pip install 'ringfold[test]')")
    (tmp_path / "schemathesis.toml").write_text(SHORT)
    http.send("parcel.send", "contract", sender="ann")  # so that there is an event to be read
    arguments = [
        "run", f"{http.url}/openapi.json",
        "--checks", ",".join(CHECKS),
        "--max-examples", str(EXAMPLES),
        "--phases", "examples,coverage,fuzzing",
        "--mode", "all",
        "--seed", "7",
        "--generation-database", "none",
        "--request-timeout", "10",
        "--no-color",
        "--workers", "1",
        *asked,
    ]  # fmt: skip
    code = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
