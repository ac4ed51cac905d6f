"""TLS by settings: the gateway beyond loopback, as a client over the network meets it."""

import http.client
import json
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from engine import Node
from engine.gateway.tokens import Tokens
from engine.model.access import Role
from tests.gateway.http import SMALL
from tests.gateway.parcels import APP

NAME = "parcels.example"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """(certificate, key) of NAME, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("NOT TESTED: openssl is not installed")
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    arguments = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    arguments += ["-keyout", str(key), "-out", str(made), "-days", "2", "-subj", f"/CN={NAME}"]
    arguments += ["-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run(arguments, check=True, capture_output=True, timeout=30)
    return made, key


def test_a_gateway_for_a_network_speaks_tls_and_asks_for_tokens(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    made, key = certificate
    data = tmp_path / "data"
    with Node(data, app=APP, settings=SMALL, log=tmp_path / "log"):
        pass  # it makes the directory, to which a token belongs
    token = Tokens(data / "tokens.json").new("boss", Role.OPERATOR)
    settings = {"http": "0.0.0.0:0", "http_hosts": NAME, "http_certificate": made, "http_key": key} | SMALL
    with Node(data, app=APP, settings=settings, log=tmp_path / "log") as node:
        assert node.endpoints.http.startswith("https://0.0.0.0:")
        port = int(node.endpoints.http.rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(made))
        context.check_hostname = False  # the name stands in Host, the address leads here
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
        named = {"Host": NAME}
        connection.request("GET", "/api/node", headers=named)
        refused = connection.getresponse()
        assert (refused.status, json.loads(refused.read())["code"]) == (401, "no-token")
        connection.request("GET", "/api/node", headers=named | {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["application"]) == (200, "parcels")
        connection.request("GET", "/", headers=named)
        page = connection.getresponse()
        assert "; Secure" in (page.getheader("set-cookie") or "")
        page.read()
        connection.request("GET", "/health/live", headers={"Host": f"127.0.0.1:{port}"})
        other = connection.getresponse()
        assert other.status == 421
        other.read()
        connection.close()
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        plain.request("GET", "/health/live", headers=named)
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
