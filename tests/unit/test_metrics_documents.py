"""The table of metrics, the dashboard and the alert rules name what a node really counts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.node.meters import Outcome
from engine.reading.metrics import COUNTER, FAMILIES, HISTOGRAM
from engine.wire.busy import BusyReason

ROOT = Path(__file__).parents[2]
SUFFIXES = {COUNTER: ["_total"], "info": ["_info"], HISTOGRAM: ["_bucket", "_sum", "_count"]}
EXPOSED = {
    name + suffix: family.labels + (("le",) if suffix == "_bucket" else ())
    for name, family in FAMILIES.items()
    for suffix in SUFFIXES.get(family.kind, [""])
}
SELECTOR = re.compile(r"(?P<name>ringfold_\w+)(?:\{(?P<labels>[^}]*)\})?")


def expressions() -> Iterator[tuple[str, str, str]]:
    """(file, expression, text beside it) of the dashboard and the rules."""
    dashboard: dict[str, Any] = json.loads((ROOT / "deploy/grafana.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield "grafana.json", target["expr"], target["legendFormat"]
    rules = (ROOT / "deploy/alerts.yml").read_text().split("- alert: ")[1:]
    for rule in rules:
        (expression,) = re.findall(r"expr: (.*)", rule)
        yield "alerts.yml", expression, rule


EXPRESSIONS = list(expressions())


@pytest.mark.parametrize(("file", "expression", "beside"), EXPRESSIONS)
def test_every_metric_of_dashboard_and_rules_exists_and_has_these_labels(
    file: str, expression: str, beside: str
) -> None:
    used = [match["name"] for match in SELECTOR.finditer(expression)]
    assert used
    assert [name for name in used if name not in EXPOSED] == []
    known = {label for name in used for label in EXPOSED[name]} | {"le"}
    selected = re.findall(r"(\w+)=~?\"", expression)
    grouped = [label for some in re.findall(r"by \(([^)]*)\)", expression) for label in some.split(", ")]
    shown = re.findall(r"\{\{(?:\s*\$labels\.)?(\w+)\s*\}\}", beside)
    assert {*selected, *grouped, *shown} <= known


def test_dashboard_and_rules_look_at_most_of_what_there_is() -> None:
    used = {match["name"] for _, expression, _ in EXPRESSIONS for match in SELECTOR.finditer(expression)}
    families = {name for name in FAMILIES if any(one.startswith(name) for one in used)}
    assert len(families) > 0.7 * len(FAMILIES)


def test_the_document_lists_every_metric_as_it_is_exposed() -> None:
    text = (ROOT / "docs/METRICS.md").read_text()
    rows = re.findall(r"^\| `(ringfold_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    once = {COUNTER: "_total", "info": "_info"}
    assert rows == [
        (
            name + once.get(family.kind, ""),
            family.kind,
            ", ".join(f"`{label}`" for label in family.labels) or "–",
            family.help,
        )
        for name, family in FAMILIES.items()
    ]


def test_the_document_lists_every_outcome_and_every_reason() -> None:
    text = (ROOT / "docs/METRICS.md").read_text()
    assert [word for word in (*Outcome._fields, "refused", *BusyReason) if f"`{word}`" not in text] == []
