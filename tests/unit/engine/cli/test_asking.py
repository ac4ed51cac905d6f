"""Refusals of a view become errors that say what to do next."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from engine.base.errors import ConfigError, Exit, RingfoldError
from engine.cli.asking import Follower, ask
from engine.wire.queries import Refused, decode_request, encode_answer


class View:
    """Refuses one question with a code."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self.code = endpoint, ""
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(endpoint)

    def refuse(self) -> None:
        if self._socket.poll(10_000):
            *route, body = self._socket.recv_multipart()
            request = decode_request(body)
            refused = Refused(request.request, [0], self.code, "because")
            self._socket.send_multipart([*route, encode_answer(refused)])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def view(tmp_path: Path) -> Iterator[View]:
    view = View(f"ipc://{tmp_path}/q")
    yield view
    view.close()


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        ("behind", Exit.TEMPORARY, "behind: because (view=notes, query=note); try again"),
        ("stopping", Exit.TEMPORARY, "stopping: because (view=notes, query=note); try again"),
        ("busy", Exit.TEMPORARY, "busy: because (view=notes, query=note); try again"),
        ("malformed", Exit.CONFIG, "malformed: because (view=notes, query=note); look it up"),
        ("unknown-query", Exit.CONFIG, "unknown-query: because (view=notes, query=note); look it up"),
        ("query-failed", Exit.CONFIG, "query-failed: because (view=notes, query=note); look it up"),
    ],
)
def test_a_refusal_says_whether_asking_again_helps(view: View, code: str, exit_code: Exit, says: str) -> None:
    view.code = code
    thread = threading.Thread(target=view.refuse)
    thread.start()
    with pytest.raises(RingfoldError) as refused:
        ask(Follower("view", "notes", view.endpoint), "note", hint="look it up")
    thread.join()
    assert str(refused.value) == says
    assert refused.value.exit_code == exit_code


def test_silence_is_an_error_after_a_while(tmp_path: Path) -> None:
    with pytest.raises(RingfoldError, match=r"no answer within 0.01 s .*; try again") as silent:
        ask(Follower("view", "notes", f"ipc://{tmp_path}/nobody"), "note", timeout_s=0.01)
    assert not isinstance(silent.value, ConfigError)
