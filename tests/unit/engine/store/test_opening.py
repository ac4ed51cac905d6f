"""What is not damage is not called so: a file of another user, and too little address space for its map."""

import multiprocessing
import os
import resource
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from engine.base.errors import ConfigError, CorruptData, Fault, RingfoldError
from engine.store import Reader, View, Writer
from engine.store.opening import not_opened

MAP = 64 << 30
GIB = 1 << 30
OPENERS: dict[str, Callable[[Path], object]] = {
    "writer": lambda path: Writer(path, MAP),
    "reader": lambda path: Reader(path, MAP),
    "view": lambda path: View(path, MAP, 1),
}


def tried(restrict: Callable[[], None], opener: str, path: Path) -> tuple[str, str]:
    """(class, line) of the error with which a process of its own, that is restricted first, ends."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def child() -> None:
        try:
            restrict()
            OPENERS[opener](path)
        except BaseException as error:
            there.send((type(error).__name__, str(error)))
        else:
            there.send(("", ""))

    process = context.Process(target=child)
    process.start()
    assert here.poll(20)
    found: tuple[str, str] = here.recv()
    process.join(20)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with a store and a view, made and closed."""
    for made, opener in (("s", "writer"), ("v", "view")):
        process = multiprocessing.get_context("fork").Process(target=OPENERS[opener], args=(tmp_path / made,))
        process.start()
        process.join(20)
        assert process.exitcode == 0
    return tmp_path


@pytest.mark.parametrize("opener", OPENERS)
def test_too_little_address_space_is_no_damage(path: Path, opener: str) -> None:
    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (16 * GIB, 16 * GIB))

    kind, line = tried(restrict, opener, path / ("v" if opener == "view" else "s"))
    assert (kind, line.partition(" (")[0]) == (
        "ConfigError",
        "too little address space for the map of a file",
    )
    assert "smaller map_bytes" in line


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("opener", OPENERS)
def test_a_file_of_another_user_is_no_damage(path: Path, opener: str) -> None:
    folder = path / ("v" if opener == "view" else "s")
    for file in (folder, *folder.iterdir()):
        os.chmod(file, 0o700 if file.is_dir() else 0o600)

    def restrict() -> None:
        os.setuid(65534)

    # The folders above it are closed too: what the other user meets is the same error.
    kind, line = tried(restrict, opener, folder)
    assert kind == "ConfigError"
    assert "may not be opened by this user" in line


def test_what_else_is_wrong_is_damage_and_keeps_its_hint() -> None:
    error: RingfoldError = not_opened("the view", Path("v"), lmdb.InvalidError("no"), hint="remove it")
    assert isinstance(error, CorruptData)
    assert str(error) == "the view cannot be opened (path=v, error=no); remove it"
    assert isinstance(not_opened("it", Path("v"), PermissionError("no")), ConfigError)
    assert isinstance(not_opened("it", Path("v"), OSError("no")), Fault)
