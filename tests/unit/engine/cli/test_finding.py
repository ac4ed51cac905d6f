"""The application of a folder is found without running it."""

from pathlib import Path

import pytest

from engine.base.errors import ConfigError
from engine.cli.finding import Found, find_app

APP = "from engine import Engine\napp = Engine('shop')\n"


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        (APP, "app"),
        ("import engine\nshop = engine.Engine('shop')\n", "shop"),
        ("shop: Engine = Engine('shop')\n", "shop"),
        ("def create(settings):\n    return Engine('shop')\n", "create"),
        ("from shop.whole import app\n", "app"),
        ("app = (\n", "app"),
        ("other = Engine('other')\napp = Engine('shop')\n", "app"),
    ],
)
@pytest.mark.parametrize("name", ["app", "main"])
def test_the_usual_files_are_looked_at(tmp_path: Path, name: str, text: str, attribute: str) -> None:
    write(tmp_path, **{f"{name}_py": text})
    assert find_app("", tmp_path) == Found(f"{name}:{attribute}", tmp_path)


def test_app_comes_before_main(tmp_path: Path) -> None:
    write(tmp_path, app_py=APP, main_py=APP)
    assert find_app("", tmp_path).reference == "app:app"


@pytest.mark.parametrize(
    ("named", "reference", "root"),
    [
        ("shop/whole.py", "shop.whole:app", ""),
        ("shop/whole.py:other", "shop.whole:other", ""),
        ("shop/__init__.py", "shop:app", ""),
        ("src/lone.py", "lone:app", "src"),
        ("shop.whole", "shop.whole:app", ""),
        ("shop", "shop:app", ""),
        ("anything:at_all", "anything:at_all", ""),
    ],
)
def test_it_can_be_named(tmp_path: Path, named: str, reference: str, root: str) -> None:
    write(tmp_path, shop____init___py="")
    (tmp_path / "shop").mkdir(exist_ok=True)
    (tmp_path / "shop" / "__init__.py").write_text(APP)
    write(tmp_path, shop__whole_py=APP, src__lone_py=APP)
    assert find_app(named, tmp_path) == Found(reference, tmp_path / root)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("", "there is no application here"),
        ("nothing.py", "there is no such file"),
        ("nothing", "there is no such module here"),
        ("empty.py", "there is no application in this file"),
        ("two.py", "there is no application in this file"),
    ],
)
def test_what_is_not_there_is_one_line_with_a_hint(tmp_path: Path, named: str, says: str) -> None:
    write(tmp_path, empty_py="x = 1\n", two_py="a = Engine('a')\nb = Engine('b')\n")
    with pytest.raises(ConfigError, match=says) as refused:
        find_app(named, tmp_path)
    assert refused.value.hint
