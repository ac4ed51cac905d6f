"""The OpenAPI document: complete, sound, and enough for a generator to make a typed client."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.gateway.openapi import document_of
from tests.gateway.http import Http
from tests.gateway.parcels import app

DOCUMENT: Any = json.loads(json.dumps(document_of(app)))
SCHEMAS = DOCUMENT["components"]["schemas"]
GENERATOR = "openapi-python-client"


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_gateway_serves_it(http: Http) -> None:
    answer = http.get("/openapi.json")
    assert answer.json == DOCUMENT
    assert answer.json["openapi"] == "3.1.0"


def test_every_reference_leads_to_a_schema() -> None:
    names = {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)}
    assert names <= SCHEMAS.keys()


def test_every_operation_has_a_name_of_its_own_and_says_who_may() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)
    assert DOCUMENT["paths"]["/api/commands/parcel.send"]["post"]["x-may"] == "user"
    assert DOCUMENT["paths"]["/api/commands/parcel.send"]["post"]["x-own"] == "sender"
    assert DOCUMENT["paths"]["/api/node"]["get"]["x-may"] == "operator"


def test_every_parameter_in_a_path_is_declared() -> None:
    for path, _, operation in operations():
        named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


def test_no_status_is_promised_that_cannot_be() -> None:
    for path, _, operation in operations():
        promised = set(operation["responses"])
        assert {"401", "403", "421", "503"} <= promised
        assert ("415" in promised) == ("requestBody" in operation), path
        assert ("406" in promised) == (path == "/api/events"), path
        assert "404" not in promised or "{" in path or operation["tags"][0] in ("commands", "queries"), path
        assert "504" in promised or "commands" not in operation["tags"], path


def test_a_command_has_its_fields_its_codes_and_its_result() -> None:
    operation = DOCUMENT["paths"]["/api/commands/parcel.send"]["post"]
    schema = SCHEMAS["SendParcel"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/SendParcel")
    assert schema["required"] == ["aggregate", "sender"]
    assert schema["properties"]["weight"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1}
    rejected = SCHEMAS["SendParcelRejected"]["properties"]["code"]["enum"]
    assert rejected == ["already-exists", "cannot-be-stored", "too-heavy", "wrong-version"]
    assert SCHEMAS["SendParcelReceipt"]["properties"]["result"] == {"$ref": "#/components/schemas/Receipt"}


def test_a_command_in_an_array_says_its_type() -> None:
    assert SCHEMAS["SendParcelTyped"]["required"] == ["type", "aggregate", "sender"]
    mapping = SCHEMAS["RingfoldCommand"]["discriminator"]["mapping"]
    assert mapping.keys() == {"parcel.send", "parcel.move", "parcel.ask"}


def test_a_query_has_its_arguments_in_the_url_where_they_have_a_place_there() -> None:
    sent_by = DOCUMENT["paths"]["/api/views/parcels/sent_by"]["get"]
    named = {one["name"]: one for one in sent_by["parameters"]}
    assert named["sender"]["required"] is True
    assert named["limit"]["schema"] == {"type": "integer", "default": 10}
    answer = sent_by["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"type": "array", "items": {"type": "string"}}
    any_of = DOCUMENT["paths"]["/api/views/parcels/any_of"]
    assert any_of.keys() == {"post"}
    assert "/api/views/parcels/secret" not in DOCUMENT["paths"]


@pytest.mark.smoke
def test_a_public_generator_makes_a_typed_client_of_it(tmp_path: Path, http: Http) -> None:
    found = shutil.which(GENERATOR) or shutil.which(GENERATOR, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"NOT TESTED: {GENERATOR} is not installed (pip install {GENERATOR})")
    (tmp_path / "openapi.json").write_text(json.dumps(DOCUMENT))
    arguments = [
        found,
        "generate",
        "--path",
        "openapi.json",
        "--meta",
        "none",
        "--output-path",
        "parcels_client",
    ]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Unable to parse" not in done.stdout, done.stdout
    program = f"""
from parcels_client import Client
from parcels_client.api.commands import parcel_send
from parcels_client.api.queries import parcels_parcel
from parcels_client.models import SendParcel, SendParcelReceipt, SendParcelRejected

client = Client(base_url={http.url!r})
receipt = parcel_send.sync(client=client, body=SendParcel(aggregate="made", sender="ann", weight=2))
assert isinstance(receipt, SendParcelReceipt), receipt
assert receipt.result.price == 10
refused = parcel_send.sync(client=client, body=SendParcel(aggregate="heavy", sender="ann", weight=31))
assert isinstance(refused, SendParcelRejected), refused
assert refused.code.value == "too-heavy"
at = f"{{receipt.partition}}:{{receipt.position}}"
row = parcels_parcel.sync(client=client, parcel="made", at_least=at)
assert row.sender == "ann", row
print("typed")
"""
    (tmp_path / "program.py").write_text(program)
    ran = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout == "typed\n", ran.stderr
