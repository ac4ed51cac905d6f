"""The vaults in a copy of a data directory: which there are, and who must be forgotten in them again.

A copy keeps those who were forgotten after it was made. The list of them is kept apart from copies: the file
`forgotten` of the vault, or the tokens that it answers, a line each.
"""

from pathlib import Path

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_file
from engine.base.errors import ConfigError, CorruptData
from engine.base.seals import is_note, unseal_note
from engine.vault.records import TOKEN, Records
from engine.vault.vault import FOLDER


def vaults_in(data: Path) -> list[Path]:
    """The folders of records in a data directory, or in a copy of one."""
    return sorted(folder for folder in data.glob(f"workers/*/{FOLDER}") if folder.is_dir())


def has_people(data: Path) -> bool:
    """True if one of them has records."""
    return any(shard.is_dir() for folder in vaults_in(data) for shard in folder.iterdir())


def read_list(path: Path) -> list[str]:
    """The tokens of a list, sealed or not. ConfigError: it cannot be read, or is something else; CorruptData:
    its seal is broken."""
    try:
        content = read_file(path)
    except OSError as error:
        text = "the list of who was forgotten cannot be read"
        raise ConfigError(text, path=path, error=error.strerror) from None
    try:
        tokens = (unseal_note(content) if is_note(content) else content).decode().split()
    except NOT_DECODABLE:
        raise CorruptData("the list of who was forgotten is damaged", path=path) from None
    if strange := [token for token in tokens if not TOKEN.fullmatch(token)]:
        text = "the list of who was forgotten has something else in it"
        raise ConfigError(text, path=path, found=strange[0][:40])
    return tokens


def forget_again(data: Path, tokens: list[str]) -> int:
    """Forgets these in every vault of a data directory on which no node runs; returns of how many something
    was known. Raises OSError, CorruptData."""
    return sum(Records(folder).forget_all(tokens) for folder in vaults_in(data))
