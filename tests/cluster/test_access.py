"""Who may reach the servers, and whom a node believes to be one: passwords, keys of users, certificates."""

import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import ConfigError
from engine.cluster.link import link_to
from engine.cluster.servers import Servers
from engine.node.config import Config
from tests.cluster.missing import needs_servers

pytestmark = needs_servers
SEED = "SUALQFODFXVEADEA7XRDLDJWUJIJT5EVNC6N7YJWYDUYNCQHHVDIYTI4BM"


def answers(config: Config) -> bool:
    with closing(link_to(config, "test")) as link:
        return bool(link.client.is_connected)


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


def test_a_password_is_part_of_the_address_and_a_wrong_one_is_refused_by_one_line(tmp_path: Path) -> None:
    more = "authorization { user: me, password: secret }\n"
    with Servers(tmp_path, 1, more=more) as servers:
        assert answers(Config(cluster=servers.urls.replace("//", "//me:secret@")))
        with pytest.raises(ConfigError, match="the NATS servers refuse this node") as caught:
            answers(Config(cluster=servers.urls.replace("//", "//me:guessed@")))
        assert "guessed" not in str(caught.value)


def test_a_user_is_known_by_a_key(tmp_path: Path) -> None:
    nkeys = pytest.importorskip("nkeys", reason="NO KEY OF A USER IS TESTED HERE: nkeys is not installed")
    public = nkeys.from_seed(bytearray(SEED.encode())).public_key.decode()
    (seed := tmp_path / "me.nk").write_text(SEED)
    more = f"authorization {{ users: [ {{ nkey: {public} }} ] }}\n"
    with Servers(tmp_path / "nats", 1, more=more) as servers:
        assert answers(Config(cluster=servers.urls, cluster_credentials=str(seed)))
        with pytest.raises(ConfigError, match="refuse this node"):
            answers(Config(cluster=servers.urls))


def test_with_an_authority_only_its_servers_are_believed_and_they_may_ask_who_this_is(tmp_path: Path) -> None:
    certificate, key, other = tmp_path / "n.pem", tmp_path / "n.key", tmp_path / "other.pem"
    for where, private in ((certificate, key), (other, tmp_path / "other.key")):
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", private, "-out", where),
        )
    (both := tmp_path / "both.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
    more = f"tls {{ cert_file: {certificate}, key_file: {key}, ca_file: {certificate}, verify: true }}\n"
    with Servers(tmp_path / "nats", 1, more=more) as servers:
        named: dict[str, Any] = {"cluster": servers.urls, "cluster_certificate": str(both)}
        assert answers(Config(cluster_ca=str(certificate), **named))
        with pytest.raises(ConfigError, match="refuse this node"):
            answers(Config(cluster_ca=str(other), **named))


@pytest.mark.parametrize("name", ["cluster_credentials", "cluster_ca", "cluster_certificate"])
def test_a_file_that_cannot_be_used_is_named(name: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"cluster": "nats://127.0.0.1:1", name: str(tmp_path / "none")}
    with pytest.raises(ConfigError, match=f"the file of {name} cannot be read"):
        link_to(Config(**settings), "test")
    (nonsense := tmp_path / "nonsense.pem").write_text("nonsense")
    if name != "cluster_credentials":
        with pytest.raises(ConfigError, match="a certificate cannot be used"):
            link_to(Config(**settings | {name: str(nonsense)}), "test")
