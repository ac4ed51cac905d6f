"""The parts of the OpenAPI document that are the same for every application."""

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
REF = "#/components/schemas/"
TEXT: Json = {"type": "string"}
WHOLE: Json = {"type": "integer", "minimum": 0}
POSITIONS: Json = {"type": "string", "pattern": r"^\d{1,18}(,\d{1,18})*$"}
RECEIPT: Json = {"$ref": f"{REF}RingfoldReceipt"}
PROBLEM: Json = {"$ref": f"{REF}RingfoldProblem"}
ENTRY: Json = {"$ref": f"{REF}RingfoldEntry"}
COMMAND_ID: Json = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
ENTRY_FIELDS = (
    "partition", "position", "aggregate", "version", "command", "sequence", "time_ns", "events",
)  # fmt: skip
OPEN: Json = {"type": "object", "additionalProperties": True}

SECURITY: Json = {
    "token": {"type": "http", "scheme": "bearer", "description": "What `ringfold tokens new` printed."},
    "visitor": {"type": "apiKey", "in": "cookie", "name": "ringfold-visitor"},
}

OWN_SCHEMAS: Json = {
    "RingfoldReceipt": {
        "type": "object",
        "description": "The outcome of a command, or how far it has come. What says nothing is left out.",
        "required": ["outcome", "id"],
        "properties": {
            "outcome": {
                "type": "string",
                "enum": ["accepted", "committed", "unchanged", "rejected", "failed", "busy", "unknown"],
            },
            "id": COMMAND_ID,
            "version": WHOLE,
            "partition": WHOLE,
            "position": WHOLE,
            "result": {},
            "code": TEXT,
            "message": TEXT,
            "view_ready": {"type": "boolean"},
        },
    },
    "RingfoldProblem": {
        "type": "object",
        "description": "RFC 9457, with a code that stays.",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": TEXT,
            "detail": TEXT,
            "outcome": TEXT,
            "id": TEXT,
        },
    },
    "RingfoldEntry": {
        "type": "object",
        "description": "Everything that one command did.",
        "required": [*ENTRY_FIELDS],
        "properties": {
            "after": {"type": "array", "items": WHOLE},
            "partition": WHOLE,
            "position": WHOLE,
            "aggregate": TEXT,
            "version": WHOLE,
            "command": COMMAND_ID,
            "sequence": WHOLE,
            "time_ns": {"type": "integer"},
            "events": {"type": "array", "items": {"$ref": f"{REF}RingfoldEvent"}},
            "result": {},
            "correlation": COMMAND_ID,
            "causation": COMMAND_ID,
        },
    },
    "RingfoldServerSentEvent": {
        "type": "object",
        "description": "One of a stream, by the names of its lines. `data` is JSON.",
        "required": ["id", "data"],
        "properties": {
            "id": POSITIONS,
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": ENTRY},
            "event": TEXT,
            "retry": WHOLE,
        },
    },
    "RingfoldAggregate": {
        "type": "object",
        "required": ["aggregate", "kind", "version", "last_version", "partition", "position", "state"],
        "properties": {
            "aggregate": TEXT,
            "kind": TEXT,
            "version": WHOLE,
            "last_version": WHOLE,
            "partition": WHOLE,
            "position": WHOLE,
            "command": COMMAND_ID,
            "time_ns": {"type": "integer"},
            "state": {},
            "since": WHOLE,
            "changes": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["at"],
                    "properties": {"at": TEXT, "from": {}, "to": {}},
                },
            },
        },
    },
    "RingfoldAbout": {
        "type": "object",
        "description": "Which aggregate; empty: all.",
        "properties": {"aggregate": TEXT},
        "additionalProperties": False,
    },
}

PROBLEMS = {
    "400": "It cannot be understood.",
    "401": "A token is needed, or this one is not valid.",
    "403": "The caller may not, or the request comes from another site.",
    "404": "There is no such thing.",
    "405": "Not by this method.",
    "406": "Not in this form.",
    "408": "The body did not come in time.",
    "409": "Not in this state.",
    "413": "It is too large.",
    "415": "The body must be JSON.",
    "421": "The Host header names another host.",
    "422": "It cannot be done.",
    "500": "A bug: the node's log has more.",
    "503": "There is no room now: try again.",
    "504": "No answer in time.",
}


def json_of(schema: Json) -> Json:
    """Content that is JSON."""
    return {"application/json": {"schema": schema}}


ANY = ("400", "401", "403", "405", "421", "500", "503")  # any request may be answered with these
BODY = ("408", "413", "415")  # and one that has a body
ASKED = ("404", "409", "422", "504")  # and one that asks others: the core, a view, a process manager


def answers(*more: str) -> Json:
    """How a request may be refused. `more`: statuses beside those of ANY."""
    content = {"application/problem+json": {"schema": PROBLEM}}
    return {status: {"description": PROBLEMS[status], "content": content} for status in sorted({*ANY, *more})}


def _parameter(name: str, schema: Json, text: str, *, place: str = "query") -> Json:
    needed = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "schema": schema, "description": text, **needed}


TIMEOUT = _parameter("timeout_ms", {**WHOLE, "maximum": 60_000}, "How long to wait.")
QUERY_PARAMETERS = [
    _parameter(
        "at_least",
        {"type": "string", "pattern": r"^\d{1,4}:\d{1,18}$"},
        "PARTITION:POSITION that the answer must contain.",
    ),
    _parameter("after", POSITIONS, "Positions of an earlier answer, beyond which this one should be."),
    TIMEOUT,
    _parameter("If-None-Match", TEXT, "ETag of an earlier answer.", place="header"),
]
EVENT_PARAMETERS = [
    _parameter("after", POSITIONS, "After these positions, one for each partition."),
    _parameter("types", TEXT, "Types of events, by commas."),
    _parameter("aggregate", TEXT, "Of this aggregate."),
    _parameter("partition", WHOLE, "Of this partition."),
    _parameter("limit", {"type": "integer", "minimum": 1, "maximum": 10_000}, "Entries of a page."),
    _parameter("follow", {"type": "string", "enum": ["0", "1"]}, "1: live too, which events are by default."),
    _parameter("Last-Event-ID", POSITIONS, "The id of the last event that was seen.", place="header"),
]


def _get(
    id: str,
    tag: str,
    text: str,
    content: Json,
    *parameters: Json,
    may: str = "operator",
    refused: tuple[str, ...] = (),
) -> Json:
    return {
        "get": {
            "operationId": id,
            "tags": [tag],
            "summary": text,
            "x-may": may,
            "parameters": list(parameters),
            "responses": {"200": {"description": text, "content": content}, **answers(*refused)},
        }
    }


def _post(id: str, text: str, status: str, answer: Json, body: Json, *parameters: Json) -> Json:
    return {
        "post": {
            "operationId": id,
            "tags": ["operation"],
            "summary": text,
            "x-may": "operator",
            "parameters": list(parameters),
            "requestBody": {"required": True, "content": json_of(body)},
            "responses": {
                status: {"description": text, "content": json_of(answer)},
                **answers(*BODY, *ASKED),
            },
        }
    }


def _path(name: str, text: str) -> Json:
    return _parameter(name, {"type": "string", "minLength": 1}, text, place="path")


ABOUT: Json = {"$ref": f"{REF}RingfoldAbout"}
LIST: Json = json_of({"type": "array", "items": OPEN})
FOLLOWER = _path("name", "Of a view or process manager.")
EVENTS: Json = {  # the schema is that of each event, not of all of them together
    "application/jsonl": {"schema": ENTRY},
    "text/event-stream": {"schema": {"$ref": f"{REF}RingfoldServerSentEvent"}},
}
HEALTH: Json = {
    "type": "object",
    "required": ["ready", "reasons"],
    "properties": {"ready": {"type": "boolean"}, "reasons": {"type": "array", "items": TEXT}},
}
READY = _get("ready", "health", "Whether the node can do its work.", json_of(HEALTH), may="public")
READY["get"]["responses"]["503"] = {"description": "It cannot; the reasons.", "content": json_of(HEALTH)}
NUMBERS: Json = {"text/plain": {"schema": TEXT}, "application/openmetrics-text": {"schema": TEXT}}

FIXED_PATHS: Json = {
    "/api/events": _get(
        "events", "events", "What is stored, and what comes.", EVENTS, *EVENT_PARAMETERS,
        refused=("406", "409"),
    ),
    "/api/aggregates/{id}": _get(
        "aggregate", "events", "The state of an aggregate at a version.",
        json_of({"$ref": f"{REF}RingfoldAggregate"}), _path("id", "Which one."),
        _parameter("version", {"type": "integer", "minimum": 1}, "As it was then."),
        _parameter("since", WHOLE, "With the changes since this version."), refused=("404", "422"),
    ),
    "/api/trace/{command}": _get(
        "trace", "events", "What led to a command, and what it led to.", json_of(OPEN),
        _parameter("command", COMMAND_ID, "Its id.", place="path"), refused=ASKED,
    ),
    "/api/node": _get("node", "operation", "The whole node at one look.", json_of(OPEN)),
    "/api/node/settings": _get("settings", "operation", "Each setting, and where it came from.", LIST),
    "/api/node/views": _get("views", "operation", "Views, and what is being built.", LIST),
    "/api/node/views/{view}/rebuild": _post(
        "rebuild_view", "Begins to build a view again.", "202", OPEN, ABOUT, _path("view", "Which one.")
    ),
    "/api/node/dead-letters": _get("dead_letters", "operation", "What handlers failed on.", LIST),
    "/api/node/dead-letters/{name}/retry": _post(
        "retry_dead_letters", "Tries again; answers what is left.", "200",
        {"type": "array", "items": OPEN}, ABOUT, FOLLOWER,
    ),
    "/api/node/dead-letters/{name}/drop": _post(
        "drop_dead_letter", "Skips the commit that fails; answers what is left.", "200",
        {"type": "array", "items": OPEN}, ABOUT, FOLLOWER,
    ),
    "/api/node/process-managers": _get(
        "process_managers", "operation", "Commands on their way, and timers that are set.", LIST
    ),
    "/api/node/process-managers/{name}/instances/{id}": _get(
        "instance", "operation", "What a process manager has under way for one id.", json_of(OPEN),
        _path("name", "Of the process manager."), _path("id", "Of an aggregate, a command or a correlation."),
        refused=ASKED,
    ),
    "/api/node/audit": _get(
        "audit", "operation", "What operators did, newest first.", LIST,
        _parameter("limit", {"type": "integer", "minimum": 1, "maximum": 10_000}, "How many."),
    ),
    "/health/live": _get("live", "health", "That the node lives.", json_of(OPEN), may="public"),
    "/health/ready": READY,
    "/metrics": _get("metrics", "health", "Numbers for Prometheus.", NUMBERS),
}  # fmt: skip


def command_parameters(views: Iterable[str]) -> list[Json]:
    """What stands beside a command. `views`: those that can be waited for."""
    waits = ["committed", "accepted", *(f"projected:{view}" for view in views)]
    return [
        _parameter(
            "wait", {"type": "string", "enum": waits, "default": "committed"}, "How far it must have come."
        ),
        TIMEOUT,
        _parameter(
            "Idempotency-Key",
            {"type": "string", "maxLength": 200},
            "The same key is the same command, which takes effect once.",
            place="header",
        ),
        _parameter(
            "If-Match",
            {"type": "string", "pattern": r'^"\d{1,15}"$'},
            "The version that the aggregate must have.",
            place="header",
        ),
    ]
