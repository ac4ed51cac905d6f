"""The vault as a worker: it keeps records of people, and answers what a token stands for.

    app.worker("vault")(Vault)

    token = client.query(Vault.put, identity="id-card:1101…", record={"name": "…"})
    client.send(PlaceOrder(order, guest=token))
    client.query(Vault.get, token=token)
    client.query(Vault.forget, token=token)

What it is given is in no command, event, snapshot, view or log. It is asked as a view is, over a socket of
the node's owner; a client that may send commands may ask it.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from engine.base.errors import NoSpace
from engine.base.files import FULL
from engine.model.queries import query
from engine.model.workers import Worker
from engine.vault.records import Record, Records

Identity = Annotated[str, Meta(min_length=1, max_length=200)]
Field = Annotated[str, Meta(max_length=1000)]
Fields = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=100)], Field], Meta(max_length=50)]
FOLDER = "people"  # in that of the worker
MOST_TOKENS = 1_000  # in a question


class Vault(Worker, name="vault"):
    """Records of people by token. Which fields a record has is the application's affair; all are texts."""

    stays = True

    def open(self, folder: Path) -> None:
        self._records = Records(folder / FOLDER)

    @query(may="inside")
    def put(self, identity: Identity, record: Fields) -> str:
        """Keeps what is known of a person, in place of what was; the answer is the token, random, and the
        same as long as the person is not forgotten."""
        try:
            return self._records.put(identity, record)
        except OSError as error:
            if error.errno in FULL:
                raise NoSpace("the vault has no room") from None
            raise

    @query(may="inside")
    def find(self, identity: Identity) -> str:
        """The token of a person; empty if none is known."""
        return self._records.find(identity)

    @query(may="inside")
    def get(self, token: str) -> Record | None:
        """What a token stands for; null if nothing is known of it, or no longer."""
        return self._records.get(token)

    @query(may="inside")
    def forget(self, token: str) -> bool:
        """Erases what a token stands for; false if nothing is known of it."""
        return self._records.forget(token)

    @query(may="inside")
    def forgotten(self, after: str = "") -> list[str]:
        """The tokens that were forgotten, in the order of their digits, page by page: what must be forgotten
        again after a restore from an older copy."""
        return sorted(token for token in self._records.forgotten() if token > after)[:MOST_TOKENS]

    @query(may="inside")
    def forget_again(self, tokens: Annotated[list[str], Meta(max_length=MOST_TOKENS)]) -> int:
        """Forgets these too, known or not; of how many something was known."""
        return self._records.forget_all(tokens)
