"""One bit flips anywhere in a data directory, or one of its files is cut: the next start is right, or refused
in one line that names a file. Most starts here are those of the kit, with the scrub of a start; some are
those of whole nodes."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.recovery import directory
from tests.recovery.directory import Content, copy, files_of, flip, make, outcome, start

SEED = 12306
FEW, MORE, MANY, NODES = 20, 50, 600, 30
MOST_S = 10.0
PAGE = 4096

Sound = tuple[Path, Content]
"""A directory, and what a start on it gives"""


class Damage(NamedTuple):
    """One file, and what happens to it: a flipped bit, or its end."""

    path: Path
    offset: int
    bit: int | None

    def do(self, data: Path) -> None:
        """Damages it in a data directory."""
        if self.bit is None:
            with (data / self.path).open("r+b") as file:
                file.truncate(self.offset)
        else:
            flip(data / self.path, self.offset, self.bit)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    folder = tmp_path_factory.mktemp("sound")
    make(folder / "data")
    return folder / "data", start(copy(folder / "data", folder / "data-once"))


def flips(data: Path, count: int, seed: int = SEED) -> Iterator[Damage]:
    """Each file in turn, half of the time near a place where something begins."""
    chance, files = random.Random(seed), files_of(data)
    for n in range(count):
        path = files[n % len(files)]
        size = (data / path).stat().st_size
        offset = chance.randrange(size)
        if chance.random() < 0.5:
            offset = min(size - 1, offset - offset % PAGE + chance.randrange(160))
        yield Damage(path, offset, chance.randrange(8))


def cuts(data: Path) -> list[Damage]:
    """Each file at each border of its pages, one byte before and one after. What no later byte of follows is
    not cut, since a journal is filled with zeros in advance."""
    found = []
    for path in files_of(data):
        content = (data / path).read_bytes()
        for border in range(0, len(content) + 1, PAGE):
            some = {border - 1, border, border + 1}
            found += [Damage(path, at, None) for at in sorted(some) if at >= 0 and content[at:].strip(b"\0")]
    return found


def damage_and_start(
    sound: Sound, damages: Iterable[Damage], outcome: Callable[[Path, Content], str] = outcome
) -> Counter[str]:
    data, content = sound
    met: Counter[str] = Counter()
    wrong = []
    for damage in damages:
        damaged = copy(data, data.with_name("damaged"))
        damage.do(damaged)
        began = time.monotonic()
        came_to = outcome(damaged, content)
        met[came_to.partition(":")[0]] += 1
        if not came_to.startswith(("right", "refused")) or time.monotonic() - began > MOST_S:
            wrong.append(f"{damage}: {came_to}")
    assert wrong == []
    return met


@pytest.mark.parametrize("count", [FEW, pytest.param(MORE, marks=pytest.mark.smoke)])
def test_after_a_flipped_bit_a_start_is_right_or_refused(sound: Sound, count: int) -> None:
    met = damage_and_start(sound, flips(sound[0], count))
    assert set(met) == {"right", "refused"}, met


@pytest.mark.parametrize("count", [FEW, pytest.param(MORE, marks=pytest.mark.smoke)])
def test_after_a_file_was_cut_a_start_is_right_or_refused(sound: Sound, count: int) -> None:
    every = cuts(sound[0])
    met = damage_and_start(sound, random.Random(SEED).sample(every, count))
    assert met["refused"] > 0, met  # few may all fall on what is needed


@pytest.mark.slow
def test_after_any_of_many_flipped_bits_a_start_is_right_or_refused(sound: Sound) -> None:
    met = damage_and_start(sound, flips(sound[0], MANY))
    assert min(met["right"], met["refused"]) > MANY / 10, met


@pytest.mark.slow
def test_after_a_file_was_cut_at_any_border_a_start_is_right_or_refused(sound: Sound) -> None:
    met = damage_and_start(sound, cuts(sound[0]))
    assert met["refused"] > met.total() / 2, met


@pytest.mark.slow
def test_a_whole_node_starts_right_on_a_damaged_directory_or_refuses_it(sound: Sound) -> None:
    every = cuts(sound[0])
    damages = [*flips(sound[0], NODES, SEED + 1), *random.Random(SEED).sample(every, NODES)]
    met = damage_and_start(sound, damages, directory.outcome_of_a_node)
    assert min(met["right"], met["refused"]) > NODES / 10, met
