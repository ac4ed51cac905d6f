"""The records of a vault: one small file a person.

    key                          32 random bytes, in hex, by which identities are hashed
    forgotten                    the tokens that were erased, a line each: nothing in them tells of whom
    SSS/IDENTITY-TOKEN           a record: JSON, sealed as notes are
                                 IDENTITY: keyed hash of what a person is known by (32 hex digits)
                                 TOKEN: SSS and 29 random hex digits; SSS: the first three of IDENTITY

So a person is found by identity and by token without an index that could disagree, and a folder has a few
hundred files where a million people are kept. Each name is written before it is answered, and a token is
forgotten before its record is erased: a kill in between ends with the next start.
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import NEW, read_note, replace_note
from engine.base.errors import CorruptData
from engine.base.files import DISK, Files, write_all

KEY_BYTES = 32
TOKEN = re.compile(r"[0-9a-f]{32}")
SHARD = 3  # hex digits
RESTORE_KEY = "restore it: without it no person is found by identity"

Record = dict[str, str]
"""What is known of a person, by the words of the application"""
Wanted = Callable[[str], bool]


class Records:
    """The files in one folder, which is made. Raises OSError, CorruptData."""

    def __init__(self, folder: Path, files: Files = DISK) -> None:
        self._folder, self._files = folder, files
        files.make_folder(folder)
        self._key = self._kept_key()
        self._forgotten = folder / "forgotten"
        self._erase_what_is_forgotten()

    def put(self, identity: str, record: Mapping[str, str]) -> str:
        """Keeps what is known of a person, in place of what was; returns the token, which stays the same as
        long as the person is not forgotten. `identity`: what tells people apart, such as kind and number of
        their papers. Durable when it returns."""
        hashed = self._hashed(identity)
        shard = self._folder / hashed[:SHARD]
        name = self._name_in(shard, lambda one: one.startswith(f"{hashed}-"))
        token = name.partition("-")[2] if name else hashed[:SHARD] + secrets.token_hex(16)[SHARD:]
        self._files.make_folder(shard)
        self._replace(shard / f"{hashed}-{token}", json.dumps(record, ensure_ascii=False, sort_keys=True))
        return token

    def find(self, identity: str) -> str:
        """The token of a person; empty if none is known."""
        hashed = self._hashed(identity)
        name = self._name_in(self._folder / hashed[:SHARD], lambda one: one.startswith(f"{hashed}-"))
        return name.partition("-")[2]

    def get(self, token: str) -> Record | None:
        """What a token stands for; None if nothing is known, or no longer. Raises CorruptData."""
        path = self._path_of(token)
        if path is None:
            return None
        try:
            return msgspec.json.decode(read_note(path, self._files), type=Record)
        except NOT_DECODABLE:  # without its cause, which may say what is in it
            hint = "`put` of the same person replaces it, `forget` erases it"
            raise CorruptData("a record of the vault is damaged", path=path, hint=hint) from None

    def forget(self, token: str) -> bool:
        """Erases what a token stands for: the file is overwritten, flushed and removed. False if nothing is
        known of it. Durable when it returns, and done again by `forget_all` after a restore."""
        path = self._path_of(token)
        if path is None:
            return False
        self._note_forgotten([token])
        self._erase(path)
        return True

    def forgotten(self) -> list[str]:
        """Every token that was forgotten here."""
        return self._tokens_in(self._forgotten)

    def forget_all(self, tokens: list[str]) -> int:
        """Forgets these too, known or not, as after a restore from an older copy; returns of how many
        something was known."""
        fresh = sorted({token for token in tokens if TOKEN.fullmatch(token)} - {*self.forgotten()})
        self._note_forgotten(fresh)
        return self._erase_what_is_forgotten()

    # ------------------------------------------------------------------ files

    def _replace(self, path: Path, text: str) -> None:
        """Writes a record. The one before is overwritten, not only let go."""
        before = self._files.open(path, write=True) if path.exists() else None
        replace_note(path, text.encode() + b"\n", self._files)
        if before is not None:
            self._overwrite(before)

    def _erase(self, path: Path) -> None:
        self._overwrite(self._files.open(path, write=True))
        self._files.remove(path)
        self._files.flush_folder(path.parent)

    def _overwrite(self, file: int) -> None:
        try:
            write_all(self._files, file, [bytes(self._files.size(file))], 0)
            self._files.flush_all(file)
        finally:
            self._files.close(file)

    def _erase_what_is_forgotten(self) -> int:
        paths = [path for token in self.forgotten() if (path := self._path_of(token)) is not None]
        for path in paths:
            self._erase(path)
        for shard in self._folder.iterdir():
            for left in shard.glob(f"*{NEW}") if shard.is_dir() else ():
                self._erase(left)  # of a put that a kill cut short
        return len(paths)

    def _note_forgotten(self, tokens: list[str]) -> None:
        if tokens:
            text = "".join(f"{token}\n" for token in [*self.forgotten(), *tokens])
            replace_note(self._forgotten, text.encode(), self._files)

    def _tokens_in(self, path: Path) -> list[str]:
        try:
            return read_note(path, self._files).decode().split()
        except FileNotFoundError:
            return []
        except NOT_DECODABLE:
            text = "the vault's list of what is forgotten is damaged"
            hint = "restore it: without it, a restore may bring back who was forgotten"
            raise CorruptData(text, path=path, hint=hint) from None

    def _path_of(self, token: str) -> Path | None:
        if not TOKEN.fullmatch(token):
            return None
        shard = self._folder / token[:SHARD]
        name = self._name_in(shard, lambda one: one.endswith(f"-{token}"))
        return shard / name if name else None

    def _name_in(self, shard: Path, wanted: Wanted) -> str:
        return next((name for name in self._files.names(shard) if wanted(name)), "")

    def _hashed(self, identity: str) -> str:
        return blake2b(identity.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).hexdigest()

    def _kept_key(self) -> bytes:
        path = self._folder / "key"
        try:
            return bytes.fromhex(read_note(path, self._files).decode())
        except FileNotFoundError:
            if any(path.is_dir() for path in self._folder.iterdir()):
                # With a new one each person would be known a second time, under another token.
                raise CorruptData("the vault's key is missing", path=path, hint=RESTORE_KEY) from None
            key = os.urandom(KEY_BYTES)
            replace_note(path, key.hex().encode() + b"\n", self._files)
            return key
        except NOT_DECODABLE:
            raise CorruptData("the vault's key is damaged", path=path, hint=RESTORE_KEY) from None
