"""`python -m examples.notes`: a node of its own, a few commands, and what becomes of them."""

import os
import signal

from engine import Client, Command
from examples.notes.listing import Listing
from examples.notes.messages import ChangeTitle, CreateNote
from examples.temporary import temporary_node


def main() -> None:
    """Tells the story on standard output."""
    with temporary_node("examples.notes:app") as (node, client):
        tell(client, "a note is created", first := CreateNote("note-1", title="Groceries"))
        tell(client, "the same command again has no second effect", first)
        tell(client, "another command for the same note is refused", CreateNote("note-1", title="Mine"))
        tell(client, "its title is changed", ChangeTitle("note-1", title="Shopping"))
        tell(client, "to what it is already", ChangeTitle("note-1", title="Shopping"))
        tell(client, "to nothing", ChangeTitle("note-1", title=" "))
        tell(client, "a note that was never created", ChangeTitle("note-2", title="Lost"))
        os.kill(node.pids["core-0"], signal.SIGKILL)
        print("the process that holds all notes in memory is killed")
        tell(client, "and the next command runs as if nothing was", ChangeTitle("note-1", title="Errands"))
        last = client.send(CreateNote("note-3", title="Ideas"))
        print("the view:", client.query(Listing.titles, at_least=last))


def tell(client: Client, what: str, command: Command) -> None:
    """Sends a command; prints how it ended."""
    receipt = client.send(command, timeout_s=30)
    how = f"version {receipt.version}" if receipt.outcome == "committed" else receipt.code
    print(f"{what}: {receipt.outcome} {how}".rstrip())


if __name__ == "__main__":
    main()
