"""Message classes that could not be sent, stored or read, and the one line that each of them is."""

from pathlib import Path

import pytest

from engine.base.errors import ConfigError
from engine.model.loading import load_app
from engine.node.config import app_setting_names

BEFORE = "import msgspec\nfrom engine import *\n"
PLAIN_COMMAND = 'class Do(Command, name="do"): ...\n'
PLAIN_EVENT = 'class Done(Event, name="done"): ...\n'
AFTER = """
app = Engine("bad")
@app.aggregate
class Thing(Aggregate):
    @handles(Do, exists="may")
    def do(self, command: Do) -> Done:
        return Done()
    @applies(Done)
    def _done(self, event: Done) -> None: ...
"""


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> str:
    """The line, without the place, which is that of the class with the marked line."""
    name = f"bad_{abs(hash(source))}"
    (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(ConfigError) as caught:
        load_app(f"{name}:app", {})
    line = str(caught.value)
    assert "\n" not in line
    said, _, place = line.rpartition(f"at={folder}/{name}.py:")
    assert source.splitlines()[int(place.rstrip(")")) - 1].startswith(("class", "def app", "    raise")), line
    return said


@pytest.mark.parametrize(
    ("line", "body", "told"),
    [
        ('class Do(Command, name="do"):', 'n: "Missing"', "read from JSON: name 'Missing' is not defined"),
        ('class Do(Command, name="do"):', "n: Path", "is not a type that JSON has"),
        ('class Do(Command, name="do"):', "n: list[int] | set[int]", "more than one array-like"),
        ('class Do(Command, name="do"):', "n: A | B", "all Struct types must be tagged"),
        ('class Do(Command, name="do"):', "wait: int", "Do.wait: every command has this field"),
        ('class Do(Command, name="do"):', "id: int", "Do.id: every command has this field"),
        ('class Do(Command, name="do"):', "aggregate: int", "a field aggregate that is not a str"),
        ('class Do(Command, name="do"):', 'w: int = msgspec.field(name="wait", default=0)', "named wait"),
        ('class Do(Command, name="do", array_like=True):', "n: int", "a message is an object"),
        ('class Do(Command, name="do", tag_field="kind"):', "n: int", "has its name in type"),
        ('class Do(Command, name="do", forbid_unknown_fields=True):', "n: int", "what a client adds"),
        ('class Done(Event, name="done"):', 'n: "Missing"', "read from JSON: name 'Missing' is not defined"),
        ('class Done(Event, name="done"):', "n: int | str | bytes = 0", "more than one str-like type"),
        ('class Done(Event, name="done"):', 'n: int = "one"', "does not fit the field n: Expected `int`"),
        ('class Done(Event, name="done"):', 'n: float = float("nan")', "does not fit the field n"),
        ('class Done(Event, name="done"):', "type: int = 0", "conflicts with an existing field"),
    ],
)
def test_a_message_class_that_cannot_travel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, body: str, told: str
) -> None:
    own = f"{line}\n    {body}\n"
    others = "from pathlib import Path\nclass A(msgspec.Struct): ...\nclass B(msgspec.Struct): ...\n"
    messages = own + PLAIN_EVENT if "Do(" in line else PLAIN_COMMAND + own
    assert told in refused(tmp_path, monkeypatch, BEFORE + others + messages + AFTER)


def test_an_event_class_that_only_a_view_reads_is_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = (
        'class Part(Event, name="done"):\n    n: "Missing" = 0\n'
        '@app.projection("v", version=1)\n'
        "class View(Projection):\n    @on(Part)\n    def part(self, event: Part, view: Table) -> None: ...\n"
    )
    source = BEFORE + PLAIN_COMMAND + PLAIN_EVENT + AFTER + view
    assert "Part cannot be read from JSON" in refused(tmp_path, monkeypatch, source)


def test_fields_under_other_names_and_defaults_that_fit_are_no_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = 'class Do(Command, name="do", rename="camel"):\n    how_many: int | None = None\n'
    event = 'class Done(Event, name="done"):\n    how_many: int = 3\n    all: list[int] = []\n'
    (tmp_path / "renamed_application.py").write_text(BEFORE + command + event + AFTER)
    monkeypatch.syspath_prepend(tmp_path)
    assert load_app("renamed_application:app", {}).name == "bad"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def app():\n    raise SystemExit(0)\n", ":app failed: SystemExit: 0"),
        ('def app():\n    raise BaseException("x")\n', ":app failed: BaseException: x"),
        ('def app():\n    raise RuntimeError("no\\nluck")\n', ":app failed: RuntimeError: no luck"),
        ("if True:\n    raise SystemExit\n", " failed: SystemExit (app="),
        ('def __getattr__(name):\n    raise RuntimeError("x")\n', ":app failed: RuntimeError: x"),
    ],
)
def test_an_application_that_ends_its_process_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, told: str
) -> None:
    assert told in refused(tmp_path, monkeypatch, source)


def test_a_source_without_a_line_to_name_is_refused_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zeros_application.py").write_text("x = 1\0\n")
    monkeypatch.syspath_prepend(tmp_path)
    told = r"failed: (SyntaxError|ValueError): source code .*null bytes"  # by the age of Python
    with pytest.raises(ConfigError, match=told) as caught:
        load_app("zeros_application:app", {})
    assert "None" not in str(caught.value)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("7", r"are names.*found=7"),
        ('"colour"', "are names"),
        ("(1, 2)", "are names"),
        ('("colour", "data")', "a setting of the engine.*name=data"),
    ],
)
def test_settings_of_an_application_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, told: str
) -> None:
    name = f"settings_{abs(hash(own))}"
    (tmp_path / f"{name}.py").write_text(f"SETTINGS = {own}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=told):
        app_setting_names(f"{name}:app")
