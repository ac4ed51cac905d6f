"""Which generation of a view is served and which is built, as the table of the module says it."""

from pathlib import Path

import pytest

from engine.base.errors import CorruptData
from engine.follow.generations import Generation, Generations, Pointer, plan

V1, V2, V3 = Generation(1), Generation(2), Generation(3)
SECOND = Generation(1, 2)


@pytest.mark.parametrize(
    ("registered", "pointer", "folders", "serves", "builds"),
    [
        pytest.param({1}, None, set(), V1, None, id="a new view is served as soon as it is there"),
        pytest.param({1}, None, {V1}, V1, None, id="a folder from before there were pointers is served"),
        pytest.param({1, 2}, None, set(), V2, None, id="of two new versions only the newest is built"),
        pytest.param({1, 2}, None, {V1}, V1, V2, id="an older folder is served while the newest is built"),
        pytest.param({1, 2}, None, {V1, V2}, V2, None, id="the newest folder wins"),
        pytest.param({1}, None, {SECOND}, SECOND, None, id="also one that was built again"),
        pytest.param({1}, None, {V1, SECOND}, V1, None, id="half of one that is built again does not"),
        pytest.param({1}, Pointer(V1), {V1}, V1, None, id="what was served is served"),
        pytest.param({1, 2}, Pointer(V1), {V1}, V1, V2, id="a newer version is built beside it"),
        pytest.param({1, 2}, Pointer(V1), {V1, V2}, V1, V2, id="half a newer version is not served"),
        pytest.param({1, 2}, Pointer(V1, V2), {V1, V2}, V1, V2, id="what was being built is built on"),
        pytest.param({1, 3}, Pointer(V1, V2), {V1, V2}, V1, V3, id="of newer versions the newest is built"),
        pytest.param({1}, Pointer(V1, SECOND), {V1}, V1, SECOND, id="a rebuild goes on after a restart"),
        pytest.param({1}, Pointer(SECOND, V1), {V1}, SECOND, None, id="an older generation is not built"),
        pytest.param({1, 2}, Pointer(SECOND), {SECOND}, SECOND, V2, id="a rebuilt older version serves on"),
        pytest.param({3}, Pointer(V1), {V1}, V3, None, id="a version that is gone cannot be served"),
        pytest.param({1}, Pointer(V2), {V1, V2}, V1, None, id="one may go back to an older version"),
        pytest.param({1}, Pointer(V2), {SECOND, V2}, SECOND, None, id="also to one that was built again"),
    ],
)
def test_what_is_served_and_what_is_built(
    registered: set[int],
    pointer: Pointer | None,
    folders: set[Generation],
    serves: Generation,
    builds: Generation | None,
) -> None:
    assert plan(registered, pointer, folders) == Pointer(serves, builds)


def test_the_pointer_survives_and_names_folders(tmp_path: Path) -> None:
    generations = Generations(tmp_path, "left")
    assert generations.pointer() is None
    generations.point(Pointer(V1, SECOND))
    assert Generations(tmp_path, "left").pointer() == Pointer(V1, SECOND)
    names = [generations.folder(generation).name for generation in (V1, SECOND, V2)]
    assert names == ["left-v1", "left-v1.2", "left-v2"]


def test_a_damaged_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "left.json").write_text('{"serves": 3}')
    generations = Generations(tmp_path, "left")
    with pytest.raises(CorruptData, match="pointer"):
        generations.pointer()
    assert generations.set_pointer_aside() == tmp_path / "left.json.damaged"
    assert generations.pointer() is None


def test_half_a_build_that_the_pointer_does_not_name_is_begun_anew(tmp_path: Path) -> None:
    generations = Generations(tmp_path, "left")
    fill(tmp_path, "left-v1", "left-v2")
    generations.point(Pointer(V1, V2))
    assert generations.plan({1, 2}) == Pointer(V1, V2)
    assert generations.folder(V2).exists()
    generations.point(Pointer(V1))
    assert generations.plan({1, 2}) == Pointer(V1, V2)
    assert not generations.folder(V2).exists()


def fill(views: Path, *names: str) -> None:
    for name in names:
        (views / name).mkdir()
        (views / name / "data.mdb").touch()


def test_tidying_removes_other_generations_of_the_served_version_and_nothing_else(tmp_path: Path) -> None:
    names = {"left-v1", "left-v1.2", "left-v1.3", "left-v1.x", "left-v10", "left-v2", "left-v1-v1", "up-v1"}
    fill(tmp_path, *names)
    Generations(tmp_path, "left").tidy(Pointer(SECOND))
    assert {path.name for path in tmp_path.iterdir()} == names - {"left-v1", "left-v1.3"}
