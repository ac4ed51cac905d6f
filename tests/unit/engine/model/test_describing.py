"""The description of an application: complete, the same each time, and true of what the node accepts."""

import json

import msgspec
import pytest

from engine import (
    Aggregate,
    ApplicationMessage,
    Command,
    Decided,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Refusal,
    applies,
    handles,
    on,
    query,
    refused,
)
from engine.model.describing import describe


class Line(msgspec.Struct):
    item: str
    count: int = 1


class Order(Command, name="order.place", version=2, rejects=("too-many", "closed"), result=int):
    """Orders at once."""

    lines: list[Line]
    note: str | None = None


class Ordered(Event, name="order.placed"):
    lines: list[Line]


class ReceiptPrinted(ApplicationMessage, name="receipt.printed"):
    total: int


class Which(msgspec.Struct):
    order: str


class Shop(Aggregate):
    @handles(Order, exists="may")
    def order(self, command: Order) -> Decided:
        return Decided(Ordered(lines=command.lines), result=len(command.lines))

    @applies(Ordered)
    def _ordered(self, event: Ordered) -> None: ...


class Orders(Projection, name="orders", version=3):
    @on(Ordered)
    def ordered(self, event: Ordered) -> None: ...

    @query("lines")
    def lines(self, request: Which) -> list[Line]:
        return []

    @query("anything")
    def anything(self, request: Which) -> complex:  # JSON has no such thing
        return 0j


class Clerk(ProcessManager, name="clerk"):
    @on(Ordered)
    def ordered(self, event: Ordered) -> None: ...

    @refused(Order)
    def refused(self, command: Order, refusal: Refusal) -> None: ...


@pytest.fixture
def app() -> Engine:
    return Engine(
        "shop",
        aggregates=[Shop],
        projections=[Orders],
        process_managers=[Clerk],
        messages=[ReceiptPrinted],
    )


def test_everything_that_is_registered_is_described_under_its_wire_name(app: Engine) -> None:
    described = describe(app)
    assert (described["description"], described["application"]) == (1, "shop")
    schema = {"$ref": "#/schemas/Order"}
    assert described["commands"] == [
        {"type": "order.place@2", "schema": schema, "aggregate": "Shop", "exists": "may"}
        | {"rejects": ["closed", "too-many"], "result": {"type": "integer"}, "may": "operator"}
    ]
    assert described["events"] == [
        {"type": "order.placed", "schema": {"$ref": "#/schemas/Ordered"}, "aggregate": "Shop"}
    ]
    assert described["messages"] == [
        {"type": "receipt.printed", "schema": {"$ref": "#/schemas/ReceiptPrinted"}}
    ]
    assert described["views"] == [
        {
            "name": "orders",
            "version": 3,
            "events": ["order.placed"],
            "queries": [
                {"name": "anything", "arguments": {"$ref": "#/schemas/Which"}, "answer": {}}
                | {"may": "operator"},
                {
                    "name": "lines",
                    "arguments": {"$ref": "#/schemas/Which"},
                    "answer": {"type": "array", "items": {"$ref": "#/schemas/Line"}},
                    "may": "operator",
                },
            ],
        }
    ]
    assert described["process_managers"] == [
        {"name": "clerk", "events": ["order.placed"], "refusals": ["order.place@2"]}
    ]


def test_a_command_is_described_as_the_node_accepts_it(app: Engine) -> None:
    schema = describe(app)["schemas"]["Order"]
    assert schema["description"] == "Orders at once."
    assert schema["properties"]["type"] == {"enum": ["order.place@2"]}
    assert schema["required"] == ["type", "aggregate", "lines", "id"]
    assert schema["properties"]["id"]["pattern"] == "^[0-9a-f]{32}$"
    assert schema["properties"]["aggregate"]["maxLength"] == 200


def test_every_reference_leads_to_a_schema(app: Engine) -> None:
    described = describe(app)
    references = set(json.dumps(described).split('"#/schemas/')[1:])
    assert {text.partition('"')[0] for text in references} <= set(described["schemas"])
    assert "Line" in described["schemas"]


def test_two_descriptions_of_one_application_are_the_same_text(app: Engine) -> None:
    other_way_round = Engine("shop", messages=[ReceiptPrinted], process_managers=[Clerk])
    other_way_round.projection()(Orders)
    other_way_round.aggregate(Shop)
    assert json.dumps(describe(app)) == json.dumps(describe(other_way_round))
