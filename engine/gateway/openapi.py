"""The OpenAPI document, made from the types of the application's messages, so that it cannot differ from
them.

    GET /openapi.json        OpenAPI 3.1; schemas are JSON Schema 2020-12, as those of `describe` are

Each command and each query has a path of its own, with its schema, the codes with which its rules say no, and
the type of its result or answer: enough for a generator to make a typed client. What is the same for every
application stands in `engine.gateway.openapi_parts`.
"""

import re
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

import engine.base
from engine.gateway.context import Context
from engine.gateway.openapi_parts import (
    ASKED,
    BODY,
    FIXED_PATHS,
    OWN_SCHEMAS,
    PROBLEM,
    QUERY_PARAMETERS,
    RECEIPT,
    REF,
    SECURITY,
    answers,
    command_parameters,
    json_of,
)
from engine.model.access import Role
from engine.model.app import Engine
from engine.model.declared import ENGINE_REJECTS
from engine.model.describing import describe

Json = dict[str, Any]
INSIDE = Role.INSIDE.word
SIMPLE = {"string", "integer", "number", "boolean"}


class OpenApi:
    """The route for the document."""

    def __init__(self, context: Context) -> None:
        self._body = orjson.dumps(document_of(context.app))

    async def get(self, _: Request) -> Response:
        """The document."""
        return Response(self._body, headers={"cache-control": "no-cache"}, media_type="application/json")


def document_of(app: Engine) -> Json:
    """The document of an application."""
    described = _placed(describe(app))
    schemas: Json = described["schemas"]
    paths: Json = {}
    commands = [command for command in described["commands"] if command["may"] != INSIDE]
    beside = command_parameters(view["name"] for view in described["views"])
    for command in commands:
        paths[f"/api/commands/{command['type']}"] = {"post": _command(command, schemas, beside)}
    paths["/api/commands"] = {"post": _commands(commands, schemas, beside)}
    for view in (*described["views"], *described["workers"]):
        for query in view["queries"]:
            if query["may"] == INSIDE:
                continue
            path, operation = (
                f"/api/views/{view['name']}/{query['name']}",
                _query(view["name"], query, schemas),
            )
            paths[path] = operation
    events = [event["schema"] for event in (*described["events"], *described["messages"])]
    schemas["RingfoldEvent"] = {"anyOf": events, "description": "An event, or an application message."}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": app.name,
            "version": engine.__version__,
            "description": f"Commands, queries and events of {app.name}.",
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}, {"visitor": []}],
        "tags": [{"name": name} for name in ("commands", "queries", "events", "operation", "health")],
        "paths": paths | FIXED_PATHS,
        "components": {
            "schemas": dict(sorted({**schemas, **OWN_SCHEMAS}.items())),
            "securitySchemes": SECURITY,
        },
    }


def _command(command: Json, schemas: Json, beside: list[Json]) -> Json:
    name = _name(command["schema"])
    _optional(schemas[name])
    receipt: Json = RECEIPT
    if command["result"]:
        own = OWN_SCHEMAS["RingfoldReceipt"]
        with_result = own["properties"] | {"result": command["result"]}
        schemas[f"{name}Receipt"] = {
            **own,
            "properties": with_result,
            "description": f"Of {command['type']}.",
        }
        receipt = {"$ref": f"{REF}{name}Receipt"}
    rejected: Json = PROBLEM
    if command["rejects"] is not None:
        own = OWN_SCHEMAS["RingfoldProblem"]
        codes = {"type": "string", "enum": sorted({*command["rejects"], *ENGINE_REJECTS, *OF_THE_ENGINE})}
        schemas[f"{name}Rejected"] = {**own, "properties": own["properties"] | {"code": codes}}
        rejected = {"$ref": f"{REF}{name}Rejected"}
    what = f"Sends {command['type']} to an aggregate of the kind {command['aggregate']}."
    return {
        "operationId": _id(command["type"]),
        "tags": ["commands"],
        "summary": what,
        "description": schemas[name].get("description", what),
        "x-may": command["may"],
        **({"x-own": command["own"]} if "own" in command else {}),
        "parameters": beside,
        "requestBody": {"required": True, "content": json_of(command["schema"])},
        "responses": {
            "200": {"description": "Committed, or unchanged.", "content": json_of(receipt)},
            "202": {"description": "Accepted: the outcome follows.", "content": json_of(receipt)},
            **answers(*BODY, *ASKED),
            "412": {"description": "The aggregate has another version.", "content": _problems(PROBLEM)},
            "422": {"description": "A rule refused it.", "content": _problems(rejected)},
        },
    }


OF_THE_ENGINE = ("cannot-be-stored",)  # a failure that is answered 422, as a rejection is


def _commands(commands: list[Json], schemas: Json, beside: list[Json]) -> Json:
    """The path for commands that say their type themselves."""
    mapping = {}
    for command in commands:
        name = _name(command["schema"])
        typed = schemas[name]
        schemas[f"{name}Typed"] = {**typed, "required": ["type", *typed.get("required", ())]}
        mapping[command["type"]] = f"{REF}{name}Typed"
    schemas["RingfoldCommand"] = {
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    one = {"$ref": f"{REF}RingfoldCommand"}
    many = {"type": "array", "items": one, "minItems": 1}
    receipts = {"type": "array", "items": RECEIPT}
    return {
        "operationId": "send_commands",
        "tags": ["commands"],
        "summary": "Sends a command, or an array of commands that are independent of each other.",
        "parameters": beside,
        "requestBody": {"required": True, "content": json_of({"anyOf": [many, one]})},
        "responses": {
            "200": {
                "description": "The receipt, or the receipts of an array in its order.",
                "content": json_of({"anyOf": [receipts, RECEIPT]}),
            },
            "202": {"description": "One was accepted: the outcome follows.", "content": json_of(RECEIPT)},
            **answers(*BODY, *ASKED),
            "412": {"description": "The aggregate has another version.", "content": _problems(PROBLEM)},
        },
    }


def _query(view: str, query: Json, schemas: Json) -> Json:
    """GET where all arguments are such as stand in a URL, POST otherwise."""
    arguments = schemas[_name(query["arguments"])] if "$ref" in query["arguments"] else query["arguments"]
    properties: Json = arguments.get("properties", {})
    simple = {name: _in_url(schema) for name, schema in properties.items()}
    operation: Json = {
        "operationId": _id(f"{view}.{query['name']}"),
        "tags": ["queries"],
        "summary": f"Asks {query['name']} of {view}.",
        "x-may": query["may"],
        **({"x-own": query["own"]} if "own" in query else {}),
        "parameters": list(QUERY_PARAMETERS),
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": {
                    "ETag": {"schema": {"type": "string"}},
                    "Ringfold-Positions": {"schema": {"type": "string"}},
                },
                "content": json_of(query["answer"]),
            },
            "304": {"description": "The answer is the one that If-None-Match names."},
            **answers("413", *ASKED),
        },
    }
    if all(schema is not None for schema in simple.values()) and "properties" in arguments:
        required = arguments.get("required", ())
        operation["parameters"] += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in simple.items()
        ]
        return {"get": operation}
    operation["requestBody"] = {"required": True, "content": json_of(query["arguments"])}
    operation["responses"] |= answers(*BODY)
    return {"post": operation}


def _in_url(schema: Json) -> Json | None:
    """The schema of an argument as a parameter, where null cannot be said; None if it has no place in a
    URL."""
    if "anyOf" in schema:
        kinds = [one for one in schema["anyOf"] if one.get("type") != "null"]
        return {**kinds[0], **_default(schema)} if len(kinds) == 1 and _in_url(kinds[0]) is not None else None
    return {**schema, **_default(schema)} if schema.get("type") in SIMPLE else None


def _default(schema: Json) -> Json:
    return {"default": schema["default"]} if schema.get("default") is not None else {}


def _optional(schema: Json) -> None:
    """A command as the gateway takes it: it knows the type by the path, and makes an id where there is
    none."""
    schema["required"] = [name for name in schema["required"] if name not in ("type", "id")]


def _problems(schema: Json) -> Json:
    return {"application/problem+json": {"schema": schema}}


def _name(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _id(text: str) -> str:
    """A name that every language can have."""
    return re.sub(r"\W", "_", text)


def _placed(value: Any) -> Any:
    """The description with its schemas where OpenAPI has them."""
    if isinstance(value, dict):
        return {
            name: content.replace("#/schemas/", REF)
            if name == "$ref" and isinstance(content, str)
            else _placed(content)
            for name, content in value.items()
        }
    return [_placed(one) for one in value] if isinstance(value, list) else value
