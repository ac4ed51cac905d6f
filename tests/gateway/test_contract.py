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
"""  # or it waits for what does not come, and reads streams that have no end


@pytest.mark.smoke
def test_every_answer_is_one_that_is_documented(http: Http, tmp_path: Path) -> None:
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("NOT TESTED: schemathesis is not installed (pip install 'ringfold[test]')")
    (tmp_path / "schemathesis.toml").write_text(SHORT)
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
    ]  # fmt: skip
    code = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
