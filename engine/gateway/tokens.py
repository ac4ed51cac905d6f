"""Tokens: what a caller shows to be more than a stranger.

    tokens.json   {"visitors": hex key, "tokens": [{"name", "role", "subject", "hash", "made", "revoked"}, …]}

A token is shown once, when it is made; what is kept is its SHA-256, which is enough for 256 random bits. The
file is read again when it changes, so a revoked token is refused from the next request on. `visitors` is the
key under which the gateway signs what it gives to the visitors of its pages.
"""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_file, replace_file
from engine.base.errors import ConfigError, Fault
from engine.model.access import Role

PREFIX = "rf_"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
LONGEST_SUBJECT = 200
NO_STAMP = (0, 0, 0)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is kept. `subject`: whose it is, which the fields named by `own` must say."""

    name: str
    role: str
    subject: str = ""
    hash: str
    made: str
    revoked: str = ""

    @property
    def is_valid(self) -> bool:
        """False once it is revoked."""
        return not self.revoked


class Kept(msgspec.Struct, kw_only=True):
    """What the file holds."""

    visitors: str = ""
    tokens: list[Token] = []


class Tokens:
    """The tokens of one data directory. `path`: of the file, which may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (-1, 0, 0)
        self._kept = Kept()
        self._by_hash: dict[str, Token] = {}

    def any_valid(self) -> bool:
        """True if there is a token that a caller could show."""
        self._look()
        return any(token.is_valid for token in self._kept.tokens)

    def find(self, shown: str) -> Token | None:
        """The token that a caller shows; None: there is none such, or it is revoked."""
        self._look()
        token = self._by_hash.get(hash_of(shown))
        return token if token is not None and token.is_valid else None

    def visitors_key(self) -> bytes:
        """The key for the visitors of pages, made when it is first needed."""
        self._look()
        if not self._kept.visitors:
            with self._changing() as kept:
                kept.visitors = kept.visitors or secrets.token_hex(32)
        return bytes.fromhex(self._kept.visitors)

    def all(self) -> list[Token]:
        """Every token, oldest first."""
        self._look()
        return list(self._kept.tokens)

    def new(self, name: str, role: Role, subject: str = "") -> str:
        """Makes a token; returns what a caller shows. It is kept nowhere. ConfigError for a name that is
        taken, and for a role without what it needs."""
        if not NAME.fullmatch(name):
            raise ConfigError("the name of a token is of letters, digits and _.@-, at most 64", name=name)
        if role is Role.USER and not subject:
            raise ConfigError("a token of a user says whose it is", hint="--subject ID")
        if len(subject.encode()) > LONGEST_SUBJECT:
            raise ConfigError(f"a subject has at most {LONGEST_SUBJECT} bytes")
        shown = PREFIX + secrets.token_urlsafe(32)
        with self._changing() as kept:
            if any(token.name == name and token.is_valid for token in kept.tokens):
                raise ConfigError("there is a token of this name", name=name, hint="revoke it first")
            kept.tokens.append(
                Token(name=name, role=role.word, subject=subject, hash=hash_of(shown), made=_now())
            )
        return shown

    def revoke(self, name: str) -> None:
        """From now on the token of this name is refused; `visitors`: what all visitors have been given.
        ConfigError if there is none."""
        with self._changing() as kept:
            if name == "visitors":
                kept.visitors = secrets.token_hex(32)
                return
            for place, token in enumerate(kept.tokens):
                if token.name == name and token.is_valid:
                    kept.tokens[place] = msgspec.structs.replace(token, revoked=_now())
                    return
            known = ", ".join(token.name for token in kept.tokens if token.is_valid) or "none"
            raise ConfigError("there is no such token", name=name, known=known)

    def _look(self) -> None:
        """Reads the file again if it is another one."""
        try:
            found = os.stat(self._path)
            stamp = found.st_ino, found.st_mtime_ns, found.st_size
        except FileNotFoundError:
            stamp = NO_STAMP
        if stamp == self._stamp:
            return
        self._kept = self._read()
        self._by_hash = {token.hash: token for token in self._kept.tokens}
        self._stamp = stamp

    def _read(self) -> Kept:
        try:
            return msgspec.json.decode(read_file(self._path), type=Kept)
        except FileNotFoundError:
            return Kept()
        except (OSError, *NOT_DECODABLE) as error:
            raise Fault("the tokens cannot be read", path=self._path, error=error) from None

    @contextmanager
    def _changing(self) -> Iterator[Kept]:
        """What is kept, to be changed and written, while no other process does the same."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            kept = self._read()
            yield kept
            replace_file(self._path, msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
        except OSError as error:
            raise Fault("the tokens cannot be written", path=self._path, error=error) from None
        finally:
            os.close(folder)
        self._look()


def hash_of(shown: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
