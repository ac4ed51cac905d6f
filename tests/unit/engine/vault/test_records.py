"""The records of a vault."""

import contextlib
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.base.errors import CorruptData
from engine.base.files import OsFiles
from engine.vault.records import Records

NAME, NUMBER = "张伟明", "id:11010119900101123X"


def everything(folder: Path) -> bytes:
    """Every byte of every file, and of every name."""
    return b"".join(
        str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")
    )


def test_a_person_has_one_token_that_says_nothing_of_them(tmp_path: Path) -> None:
    records = Records(tmp_path)
    token = records.put(NUMBER, {"name": NAME})
    assert records.put(NUMBER, {"name": NAME, "kind": "adult"}) == token
    assert records.get(token) == {"name": NAME, "kind": "adult"}
    assert records.find(NUMBER) == token
    assert NUMBER.encode() not in everything(tmp_path), "what a person is known by is hashed"
    other = Records(tmp_path / "other")
    assert other.put(NUMBER, {"name": NAME}) != token
    assert Records(tmp_path).find(NUMBER) == token


def test_who_is_forgotten_is_nowhere_and_gets_another_token_when_they_come_back(tmp_path: Path) -> None:
    records = Records(tmp_path)
    token = records.put(NUMBER, {"name": NAME})
    stays = records.put("id:2", {"name": "Li Na"})
    assert records.forget(token)
    assert not records.forget(token)
    assert records.get(token) is None
    assert records.find(NUMBER) == ""
    assert NAME.encode() not in everything(tmp_path)
    assert records.get(stays) == {"name": "Li Na"}
    again = records.put(NUMBER, {"name": NAME})
    assert again != token
    assert Records(tmp_path).get(again) == {"name": NAME}
    assert Records(tmp_path).forgotten() == [token]


def test_a_record_is_overwritten_before_it_goes_or_is_replaced(tmp_path: Path) -> None:
    records = Records(tmp_path)
    token = records.put(NUMBER, {"name": NAME})
    (path,) = tmp_path.glob("*/*")
    for act in (lambda: records.put(NUMBER, {"name": "Zhang"}), lambda: records.forget(token)):
        with path.open("rb") as before:
            act()
            assert set(before.read()) == {0}


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    Records(tmp_path / "people").put(NUMBER, {"name": NAME})
    for path in (tmp_path / "people", *(tmp_path / "people").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


class Dying(OsFiles):
    """A disk whose process dies before a given step."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise KeyboardInterrupt

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def flush_all(self, file: int) -> None:
        self._step()
        super().flush_all(file)


@pytest.mark.parametrize("steps", range(7))
def test_a_death_at_any_step_of_forgetting_leaves_a_whole_record_or_none(tmp_path: Path, steps: int) -> None:
    token = Records(tmp_path).put(NUMBER, {"name": NAME})
    dying = Records(tmp_path, Dying(99))
    dying._files = Dying(steps)
    try:
        dying.forget(token)
        finished = True
    except KeyboardInterrupt:
        finished = False
    records = Records(tmp_path)
    if finished or token in records.forgotten():
        assert records.get(token) is None
        assert NAME.encode() not in everything(tmp_path)
    else:
        assert records.get(token) == {"name": NAME}


@pytest.mark.parametrize("steps", range(4))
def test_a_death_at_any_step_of_putting_leaves_the_old_record_or_the_new(tmp_path: Path, steps: int) -> None:
    token = Records(tmp_path).put(NUMBER, {"name": NAME})
    dying = Records(tmp_path)
    dying._files = Dying(steps)
    with contextlib.suppress(KeyboardInterrupt):
        dying.put(NUMBER, {"name": "Zhang"})
    assert Records(tmp_path).get(token) in ({"name": NAME}, {"name": "Zhang"})
    assert list(tmp_path.rglob("*.new")) == []


def test_after_a_restore_from_an_older_copy_the_list_of_the_newer_one_is_applied(tmp_path: Path) -> None:
    records = Records(tmp_path / "new")
    token = records.put(NUMBER, {"name": NAME})
    shutil.copytree(tmp_path / "new", tmp_path / "old")
    records.forget(token)
    restored = Records(tmp_path / "old")
    assert restored.get(token) == {"name": NAME}
    assert restored.forget_all([*records.forgotten(), "no token"]) == 1
    assert restored.forget_all(records.forgotten()) == 0
    assert restored.get(token) is None
    assert NAME.encode() not in everything(tmp_path)


def test_damage_is_named_and_says_nothing_of_what_is_in_it(tmp_path: Path) -> None:
    records = Records(tmp_path)
    token = records.put(NUMBER, {"name": NAME})
    (path,) = tmp_path.glob("*/*")
    body = bytearray(path.read_bytes())
    body[4] ^= 1
    path.write_bytes(body)
    with pytest.raises(CorruptData, match="a record of the vault is damaged") as error:
        records.get(token)
    assert error.value.__cause__ is None
    for name in ("key", "forgotten"):
        records.forget_all([token])
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(b"damaged")
        with pytest.raises(CorruptData, match="damaged"):
            Records(tmp_path)
        (tmp_path / name).write_bytes(whole)


def test_a_key_that_is_lost_is_not_replaced_while_there_are_records(tmp_path: Path) -> None:
    token = Records(tmp_path).put(NUMBER, {"name": NAME})
    key = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()
    with pytest.raises(CorruptData, match="key is missing"):
        Records(tmp_path)
    assert not (tmp_path / "key").exists()
    (tmp_path / "key").write_bytes(key)
    assert Records(tmp_path).put(NUMBER, {"name": NAME}) == token


@pytest.mark.parametrize("token", ["", "x", "../../etc/passwd", "0" * 33, "G" * 32, "0" * 32])
def test_what_is_no_token_stands_for_nobody(tmp_path: Path, token: str) -> None:
    records = Records(tmp_path)
    assert records.get(token) is None
    assert not records.forget(token)


class PeopleComeAndGo(RuleBasedStateMachine):
    """Against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._made = tempfile.TemporaryDirectory()
        self.folder = Path(self._made.name)
        self.records = Records(self.folder)
        self.known: dict[str, tuple[str, dict[str, str]]] = {}
        self.gone: set[str] = set()

    @rule(who=st.sampled_from("abcde"), name=st.text(max_size=5))
    def comes(self, who: str, name: str) -> None:
        token = self.records.put(who, {"name": name})
        assert token not in self.gone
        assert who not in self.known or self.known[who][0] == token
        self.known[who] = token, {"name": name}

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def goes(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.known)))
        token, _ = self.known.pop(who)
        assert self.records.forget(token)
        self.gone.add(token)

    @rule()
    def restarts(self) -> None:
        self.records = Records(self.folder)

    @invariant()
    def everyone_is_found_and_nobody_else(self) -> None:
        for who in "abcde":
            token, record = self.known.get(who, ("", None))
            assert self.records.find(who) == token
            assert self.records.get(token) == record
        assert {*self.records.forgotten()} == self.gone

    def teardown(self) -> None:
        self._made.cleanup()


TestPeopleComeAndGo = PeopleComeAndGo.TestCase
TestPeopleComeAndGo.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
