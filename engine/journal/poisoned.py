"""The list of poisoned commands of a partition: sequences in the journal that no replay runs again."""

import json
from pathlib import Path

from engine.base.errors import CorruptData


def read_poisoned(data: Path, partition: int) -> list[int]:
    """The sequences of the commands of a partition that are set aside. CorruptData if they cannot be read."""
    path = poisoned_file(data, partition)
    try:
        found = json.loads(path.read_bytes())["sequences"]
        return [int(sequence) for sequence in found]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptData("the list of poisoned commands is damaged", path=path, error=error) from None


def poisoned_file(data: Path, partition: int) -> Path:
    """Where the list is kept."""
    return data / f"poisoned-{partition:04d}.json"
