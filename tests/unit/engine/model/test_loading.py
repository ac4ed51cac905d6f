"""Loading an application: an Engine or a function that makes one, and one line for whatever is wrong."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from engine import Aggregate, Command, Engine, Event, applies, handles
from engine.base.errors import ConfigError
from engine.model.loading import import_app, load_app


class Do(Command, name="do"): ...


class Done(Event, name="done"): ...


app = Engine("loaded")


@app.aggregate
class Thing(Aggregate):
    @handles(Do, exists="may")
    def do(self, command: Do) -> Done:
        return Done()

    @applies(Done)
    def _done(self, event: Done) -> None: ...


def without_settings() -> Engine:
    return app


def with_settings(settings: Mapping[str, str]) -> Engine:
    return Engine(settings["name"], aggregates=[Thing])


def with_two(settings: Mapping[str, str], more: str) -> Engine:
    return app


def nothing() -> None: ...


number = 7


def refused(reference: str, settings: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        import_app(reference, settings or {})
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_an_engine_is_loaded_as_it_is() -> None:
    assert load_app(f"{__name__}:app", {}) is app


def test_a_function_makes_one_with_settings_or_without() -> None:
    assert load_app(f"{__name__}:without_settings", {}) is app
    assert load_app(f"{__name__}:with_settings", {"name": "other"}).name == "other"


@pytest.mark.parametrize("attribute", ["app", "without_settings"])
def test_settings_that_nothing_reads_are_refused(attribute: str) -> None:
    line = refused(f"{__name__}:{attribute}", {"colour": "red"})
    assert "takes no settings (given=colour)" in line


@pytest.mark.parametrize("reference", ["notes", ":app", "notes:", ""])
def test_a_reference_is_a_module_and_an_attribute(reference: str) -> None:
    assert "MODULE:NAME, for example notes:app" in refused(reference)


def test_a_module_that_is_not_there_is_named() -> None:
    assert "there is no module nowhere" in refused("nowhere:app")
    assert "there is no module tests.nowhere" in refused("tests.nowhere:app")


def test_an_attribute_that_is_not_there_is_named_with_those_that_could_be_meant() -> None:
    line = refused(f"{__name__}:application")
    assert "has no attribute application" in line
    assert "these are an Engine: app" in line


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ("number", "is neither an Engine nor a function that makes one (found=7)"),
        ("Thing", "is neither an Engine nor a function that makes one"),
        ("nothing", "made no Engine (returned=None)"),
        ("with_two", "must take nothing, or one mapping: the settings"),
    ],
)
def test_what_is_no_application_is_refused(attribute: str, text: str) -> None:
    assert text in refused(f"{__name__}:{attribute}")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("x = 1\ny = x / 0\n", "importing failing_application failed: ZeroDivisionError: division by zero"),
        (
            "x = 1\nimport no_such_thing\n",
            "importing failing_application failed: ModuleNotFoundError: No module named",
        ),
        (
            'import engine\nclass Go(engine.Command, name="go", rejects="no"): ...\n',
            "importing failing_application failed: TypeError: Go: rejects is a tuple of codes",
        ),
        ("x = 1\ny = (\n", "importing failing_application failed: SyntaxError: '(' was never closed"),
    ],
)
def test_a_module_that_fails_at_import_is_named_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: str
) -> None:
    (tmp_path / "failing_application.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    line = refused("failing_application:app")
    assert error in line
    assert f"at={tmp_path}/failing_application.py:2" in line


def test_a_function_that_fails_is_named_with_file_and_line() -> None:
    line = refused(f"{__name__}:with_settings")
    assert f"calling {__name__}:with_settings failed: KeyError: 'name'" in line
    assert f"at={__file__}:" in line
