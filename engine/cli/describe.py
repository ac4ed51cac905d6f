"""`describe`: what an application says and hears, for the people and programs that talk to it."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from engine.base.errors import Exit
from engine.cli.command import Program
from engine.cli.options import add_app_options, settings_from
from engine.cli.printing import Printer, add_json_option

DESCRIPTION = """Prints every command, event, application message, query and process manager of an
application. With --json, whole, with JSON Schemas, from which a client in any language can be
generated (docs/PROTOCOL.md says what its keys mean; the reader of a running node answers `describe` with
the same). Needs no data directory and no node."""
EXAMPLES = "describe --app notes:app --json"
ENVELOPE = ("type", "aggregate", "id", "expected_version", "correlation", "causation")  # of every command


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of this command."""
    add_json_option(parser)
    add_app_options(parser, program)


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints it."""
    settings = settings_from(options, program)
    reference = settings.app()
    from engine.model.describing import describe  # brings everything, as the application does
    from engine.model.loading import load_app

    described = describe(load_app(reference, settings.app_settings))
    with Printer(options) as printer:
        printer.answer(described, "" if printer.as_json else "\n".join(summary(described)))
    return Exit.OK


def summary(described: dict[str, Any]) -> Iterator[str]:
    """The description in lines, for people: names, fields and their types."""
    schemas = described["schemas"]
    yield f"application {described['application']}"
    for title, kind in (("commands", "commands"), ("events", "events"), ("messages", "messages")):
        if described[kind]:
            yield f"\n{title}"
        for message in described[kind]:
            to = f"  {message['aggregate']}" if "aggregate" in message else ""
            yield f"  {message['type']} {_fields(message['schema'], schemas)}{to}{_outcomes(message)}"
    for view in described["views"]:
        yield f"\nview {view['name']}, version {view['version']}: {', '.join(view['events'])}"
        yield from _queries(view, schemas)
    for manager in described["process_managers"]:
        refusals = "".join(f", refusal of {command}" for command in manager["refusals"])
        yield f"\nprocess manager {manager['name']}: {', '.join(manager['events'])}{refusals}"
    for worker in described["workers"]:
        yield f"\nworker {worker['name']}: {', '.join(worker['events'])}"
        yield from _queries(worker, schemas)


def _queries(asked: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    for query in asked["queries"]:
        yield f"  {query['name']} {_fields(query['arguments'], schemas)} → {_short(query['answer'])}"


def _outcomes(message: dict[str, Any]) -> str:
    """What a command declares that it can be answered with."""
    result = f" → {_short(message['result'])}" if message.get("result") else ""
    rejects = f"; rejects: {', '.join(message['rejects'])}" if message.get("rejects") else ""
    return result + rejects


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """(name: type, …) of an object; an optional field has a question mark."""
    schema = schemas[_named(schema)] if "$ref" in schema else schema
    if "properties" not in schema:
        return f"({_short(schema)})"
    required = schema.get("required", ())
    fields = [
        f"{name}{'' if name in required else '?'}: {_short(content)}"
        for name, content in schema["properties"].items()
        if name not in ENVELOPE
    ]
    return f"({', '.join(fields)})"


def _short(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return _named(schema)
    if "anyOf" in schema:
        return " | ".join(_short(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"[{_short(schema.get('items') or {})}]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{{{_short(schema['additionalProperties'])}}}"
    return kind


def _named(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
