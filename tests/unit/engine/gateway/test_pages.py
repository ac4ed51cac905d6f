"""Pages: the files of a package, by their exact paths."""

from pathlib import Path

import pytest

from engine import ConfigError, Engine
from engine.gateway.pages import Pages, file_of
from engine.gateway.tokens import Tokens
from tests.gateway.parcels import app

PACKAGE = "tests.gateway.pages"


def test_every_file_has_one_path_and_an_index_has_two(tmp_path: Path) -> None:
    pages = Pages({"": PACKAGE, "/office": PACKAGE}, Tokens(tmp_path / "tokens.json"), secure=False)
    own = {"/", "/index.html", "/app.js", "/deep/", "/deep/index.html"}
    assert set(pages.files) == own | {f"/office{path}" for path in own}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.json", "application/json; charset=utf-8"),
        ("a", "application/octet-stream"),
    ],
)
def test_a_file_is_of_the_kind_that_its_name_says(name: str, kind: str) -> None:
    assert file_of(name, b"").kind == kind


@pytest.mark.parametrize(
    ("package", "at"),
    [
        ("../etc", "/"),
        ("", "/"),
        (PACKAGE, "office"),
        (PACKAGE, "/api/x"),
        (PACKAGE, "/metrics"),
        (PACKAGE, "/a b"),
    ],
)
def test_what_cannot_be_served_is_one_line(package: str, at: str) -> None:
    with pytest.raises(ConfigError):
        Engine("x").pages(package, at=at)


def test_two_packages_under_one_path_are_one_line() -> None:
    made = Engine("x")
    made.pages(PACKAGE)
    with pytest.raises(ConfigError, match="two packages have pages under one path"):
        made.pages(PACKAGE)


def test_a_package_that_is_not_there_is_found_at_the_start() -> None:
    app.page_packages["/no"] = "tests.gateway.no_pages"
    try:
        with pytest.raises(ConfigError, match=r"app.pages names tests\.gateway\.no_pages"):
            app.check()
    finally:
        del app.page_packages["/no"]
    app.check()
