"""A simulated provider of payments: slow, refusing, answering twice, late or never.

The setting `provider` says how often: `decline=0.1,twice=0.05,late=0.1,never=0.05,slow=0.2`. How a charge
goes follows from its key, so a run can be repeated. If the setting is empty, every charge is paid at once.

It keeps a book, as a bank does, which outlives any process:

    book    a line of JSON for each entry, appended:
            {"key", "payment", "receipt", "amount"}      a charge; `receipt` is empty if it was declined
            {"key", "payment", …, "due"}                 one whose money comes at this time, in seconds
            {"key", "refund": receipt, "amount"}         a refund
            {"noted": receipt}                           a report that was taken note of
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from errno import ENOSPC
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from domain_12306.workers.provider import Answer, Declined, Paid, Pending
from engine import ConfigError, CorruptData

LATE_S, SLOW_S = 1.0, 0.2
NEVER = float("inf")
REASON = "insufficient-funds"
KINDS = ("decline", "twice", "late", "never", "slow")


class Manners(NamedTuple):
    """How often a charge goes in each way, from 0 to 1; `slow` is beside the others, which exclude each
    other."""

    decline: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    never: float = 0.0
    slow: float = 0.0


PROMPT = Manners()


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


def manners_of(text: str) -> Manners:
    """What the setting says. Raises ConfigError."""
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        kind, _, often = part.partition("=")
        try:
            found[kind.strip()] = float(often)
        except ValueError:
            raise ConfigError("how often a provider does that is a number", given=part) from None
    manners = Manners(**{kind: found.pop(kind, 0.0) for kind in KINDS})
    if found or any(not 0 <= often <= 1 for often in manners) or sum(manners[:4]) > 1:
        known = ", ".join(KINDS)
        raise ConfigError("a provider is described as decline=0.1,late=0.2", given=text, known=known)
    return manners


class SimulatedProvider:
    """`folder`: where its book lies. `now`: its clock; `sleep`: for what is slow."""

    def __init__(
        self,
        folder: Path,
        manners: Manners = PROMPT,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._manners, self._now, self._sleep = manners, now, sleep
        self._lock = threading.Lock()
        self._charges: dict[str, dict[str, Any]] = {}
        self._refunds: dict[str, int] = {}
        self._reports: dict[str, tuple[float, Paid]] = {}
        self._balance = 0
        self._book = folder / "book"
        self._read()

    def charge(self, key: str, payment: str, amount: int) -> Answer:
        draw = _draw(payment, key)
        if _draw("slow", payment, key) < self._manners.slow:
            self._sleep(SLOW_S)
        with self._lock:
            if key not in self._charges:
                self._enter(self._entry(key, payment, amount, draw))
            entry = self._charges[key]
        if not entry["receipt"]:
            return Declined(REASON)
        return Paid(payment, entry["receipt"], amount) if entry["due"] == 0 else Pending()

    def refund(self, key: str, receipt: str, amount: int) -> None:
        with self._lock:
            if key not in self._refunds:
                self._enter({"key": key, "refund": receipt, "amount": amount})

    def reports(self) -> list[Paid]:
        with self._lock:
            now = self._now().timestamp()
            return [paid for due, paid in self._reports.values() if due <= now]

    def noted(self, receipt: str) -> None:
        with self._lock:
            if receipt in self._reports:
                self._enter({"noted": receipt})

    def coming(self) -> int:
        with self._lock:
            return sum(due < NEVER for due, _ in self._reports.values())

    def balance(self) -> int:
        """What has come in, less what was given back; money that is still to come does not count."""
        with self._lock:
            now = self._now().timestamp()
            coming = sum(paid.amount for due, paid in self._reports.values() if due > now)
            return self._balance - coming

    # ------------------------------------------------------------------ the book

    def _entry(self, key: str, payment: str, amount: int, draw: float) -> dict[str, Any]:
        manners, entry = self._manners, {"key": key, "payment": payment, "amount": amount, "due": 0.0}
        receipt = blake2b(key.encode(), digest_size=12).hexdigest()
        ways = (
            (manners.decline, {"receipt": ""}),
            (manners.twice, {"receipt": receipt, "again": True}),
            (manners.late, {"receipt": receipt, "due": self._now().timestamp() + LATE_S}),
            (manners.never, {"receipt": receipt, "due": NEVER}),
        )
        for often, how in ways:
            if draw < often:
                return entry | how
            draw -= often
        return entry | {"receipt": receipt}

    def _enter(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with self._book.open("ab", buffering=0) as book:
            whole = book.tell()
            if (book.write(line) or 0) < len(line):
                book.truncate(whole)  # what came after half a line could not be read
                raise OSError(ENOSPC, "there is no room for the book of the provider", str(self._book))
        self._note(entry)

    def _note(self, entry: dict[str, Any]) -> None:
        if "noted" in entry:
            del self._reports[entry["noted"]]
        elif "refund" in entry:
            self._refunds[entry["key"]] = entry["amount"]
            self._balance -= entry["amount"]
        else:
            self._charges[entry["key"]] = entry
            paid = Paid(entry["payment"], entry["receipt"], entry["amount"])
            if paid.receipt:
                self._balance += paid.amount
            if entry["due"] or entry.get("again"):
                self._reports[paid.receipt] = entry["due"], paid

    def _read(self) -> None:
        whole = self._book.read_bytes() if self._book.exists() else b""
        *lines, cut_short = whole.split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                self._note(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                text, hint = "the book of the provider is damaged", "restore it, or correct the line"
                raise CorruptData(text, path=self._book, line=number, error=error, hint=hint) from None
        if cut_short:  # by a kill: it was answered to no one
            self._book.write_bytes(whole[: -len(cut_short)])


def _draw(*parts: str) -> float:
    """A number from 0 to 1 that follows from the parts."""
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest(), "big") / 2**64
