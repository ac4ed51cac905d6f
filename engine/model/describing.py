"""The description of an application: all that a client in another language can say to it and hear from it.

    {"description": 1,                         the version of this form
     "application": name,
     "commands":  [{"type", "schema", "aggregate", "exists", "rejects", "result", "may", "own"}, …],
     "events":    [{"type", "schema", "aggregate"}, …],
     "messages":  [{"type", "schema"}, …],     application messages
     "views":     [{"name", "version", "events", "queries": [{"name", "arguments", "answer",
                                                   "may", "own"}, …]}, …],
     "process_managers": [{"name", "events", "refusals"}, …],
     "workers":   [{"name", "events", "queries": […]}, …],
     "codes":     {"rejected": […], "failed": […]},   those of the engine itself
     "schemas":   {name: JSON Schema, …}}

A schema is a JSON Schema (2020-12); what several of them share stands in `schemas`, and is pointed to by
`{"$ref": "#/schemas/NAME"}`. `rejects` of a command are the codes with which its own rules say no, null if
its class declares none; `result` is the schema of the result that its commit carries; `may` and
`own` say who may send or ask it through the gateway (`engine.model.access`). `events` of a view,
a process manager and a worker are types. Everything is sorted by name, so that two descriptions can be
compared as texts.
"""

from typing import Any

import msgspec

from engine.model.access import Access
from engine.model.app import Engine
from engine.model.declared import ENGINE_REJECTS, access_to
from engine.model.messages import Command, wire_tag
from engine.model.projections import ProjectionSpec
from engine.model.workers import WorkerSpec

FORM = 1  # counted up when a key changes its meaning or goes; new keys may come at any time
CODES = {
    "rejected": list(ENGINE_REJECTS),
    "failed": [
        "aggregate-unknown",
        "cannot-be-stored",
        "handler-bug",
        "malformed",
        "poisoned",
        "too-large",
        "too-many",
        "unknown-command",
        "unreadable",
        "wrong-aggregate",
    ],
}
# What the node asks of every command, whatever the class says of its fields (docs/PROTOCOL.md).
ENVELOPE = {
    "aggregate": {"type": "string", "minLength": 1, "maxLength": 200},
    "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}


def describe(app: Engine) -> dict[str, Any]:
    """The description; JSON can hold all of it."""
    schemas = _Schemas()
    messages = sorted(app.messages, key=wire_tag)
    events = sorted(set(app.appliers) - app.messages, key=wire_tag)
    described = {
        "description": FORM,
        "application": app.name,
        "commands": [
            {
                "type": wire_tag(command),
                "schema": schemas.of(command),
                "aggregate": app.handlers[command].cls.__name__,
                "exists": app.handlers[command].exists,
                "rejects": None if command.__rejects__ is None else sorted(command.__rejects__),
                "result": schemas.of(command.__result__),
                **_access(access_to(command)),
            }
            for command in sorted(app.handlers, key=wire_tag)
        ],
        "events": [
            {
                "type": wire_tag(event),
                "schema": schemas.of(event),
                "aggregate": app.appliers[event][0].__name__,
            }
            for event in events
        ],
        "messages": [{"type": wire_tag(message), "schema": schemas.of(message)} for message in messages],
        "views": [
            {"version": spec.version} | _asked(spec, schemas)
            for _, spec in sorted(app.projections.items())
        ],
        "process_managers": [
            {
                "name": name,
                "events": sorted(map(wire_tag, spec.events())),
                "refusals": sorted(map(wire_tag, spec.refusals)),
            }
            for name, spec in sorted(app.process_managers.items())
        ],
        "workers": [_asked(spec, schemas) for _, spec in sorted(app.workers.items())],
    }
    return described | {"codes": CODES, "schemas": schemas.complete()}


def _asked(spec: "ProjectionSpec | WorkerSpec", schemas: "_Schemas") -> dict[str, Any]:
    """What can be asked of a view or a worker, and what it reads."""
    return {
        "name": spec.name,
        "events": sorted(map(wire_tag, spec.events())),
        "queries": [
            {
                "name": name,
                "arguments": schemas.of(question.request),
                "answer": schemas.of(question.returns),
                **_access(question.access),
            }
            for name, question in sorted(spec.queries.items())
        ],
    }


def _access(access: Access) -> dict[str, Any]:
    return {"may": access.may.word, **({"own": access.own} if access.own else {})}


class _Schemas:
    """Schemas that are made all at once, because names that several types share stand for one of them."""

    def __init__(self) -> None:
        self._asked: list[tuple[Any, dict[str, Any]]] = []

    def of(self, hint: Any) -> dict[str, Any]:
        """The schema of a type: empty until `complete`. A type that has none may be anything."""
        schema: dict[str, Any] = {}
        self._asked.append((hint if _has_schema(hint) else Any, schema))
        return schema

    def complete(self) -> dict[str, Any]:
        """Fills in all that were asked for; returns what they share, by name."""
        hints = [hint for hint, _ in self._asked]
        made, shared = msgspec.json.schema_components(hints, ref_template="#/schemas/{name}")
        for (hint, schema), content in zip(self._asked, made, strict=True):
            schema.update(content)
            if isinstance(hint, type) and issubclass(hint, Command):
                _as_sent(shared[content["$ref"].rpartition("/")[2]])
        return dict(sorted(shared.items()))


def _as_sent(schema: dict[str, Any]) -> None:
    """A command as the node takes it: its id does not come of itself, as it does in Python."""
    properties = schema["properties"]
    properties.update(ENVELOPE)
    schema["required"] = [name for name in properties if name in schema["required"] or name in ENVELOPE]


def _has_schema(hint: Any) -> bool:
    try:
        msgspec.json.schema(hint)
    except TypeError:
        return False
    return True
