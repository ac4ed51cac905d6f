"""The logs and the register on a NATS server: what the rest of a cluster relies on."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from engine.base.errors import ConfigError, Fault
from engine.cluster.jetstream import (
    JetStreamCommands,
    JetStreamDecisions,
    JetStreamRegister,
    make_streams,
)
from engine.cluster.link import Link, servers_of
from engine.cluster.logs import LogFull, Message, NoAnswer, Superseded
from engine.cluster.servers import Servers
from tests.cluster.missing import needs_servers
from tests.deadline import until

NAME = "test"
WAIT_S = 20
pytestmark = needs_servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("nats"), 1) as servers:
        with closing(Link(servers_of(servers.urls), "test")) as link:
            link.ask(make_streams(link, NAME, 4, 1, 1 << 20), 60)
        yield servers


@pytest.fixture
def link(servers: Servers) -> Iterator[Link]:
    with closing(Link(servers_of(servers.urls), "test")) as link:
        yield link


def test_a_place_in_the_log_of_decisions_is_taken_once(link: Link) -> None:
    one, other = (JetStreamDecisions(link, NAME, 0) for _ in range(2))
    assert one.append(b"a", 0).result(WAIT_S) == 1
    with pytest.raises(Superseded):
        other.append(b"b", 0).result(WAIT_S)
    assert other.at(1).result(WAIT_S) == b"a"
    assert other.at(2).result(WAIT_S) is None
    assert other.append(b"b", 1).result(WAIT_S) == other.last().result(WAIT_S) == 2


def test_who_follows_gets_all_behind_a_sequence_in_order_and_what_comes(link: Link) -> None:
    log = JetStreamCommands(link, NAME, 1)
    for body in (b"a", b"b"):
        log.append(body).result(WAIT_S)
    heard: list[Message] = []
    log.follow(1, heard.append)
    until(lambda: len(heard) == 1, WAIT_S)
    log.append(b"c").result(WAIT_S)
    until(lambda: len(heard) == 2, WAIT_S)
    log.pause()
    assert [(one.sequence, one.body) for one in heard] == [(2, b"b"), (3, b"c")]
    assert 0 < heard[0].time_ns < heard[1].time_ns


def test_what_is_trimmed_is_gone_and_sequences_go_on(link: Link) -> None:
    log = JetStreamCommands(link, NAME, 2)
    for body in (b"a", b"b"):
        log.append(body).result(WAIT_S)
    log.trim(2).result(WAIT_S)
    assert log.at(2).result(WAIT_S) is None
    assert log.append(b"c").result(WAIT_S) == 3


def test_a_full_queue_says_so(link: Link) -> None:
    log = JetStreamCommands(link, NAME, 3)
    appends = [log.append(bytes(200_000)) for _ in range(20)]
    errors = {type(append.exception(WAIT_S)) for append in appends}
    assert errors == {type(None), LogFull}


def test_an_owner_is_changed_only_by_who_knows_the_one_before(link: Link) -> None:
    register = JetStreamRegister(link, NAME)
    assert register.owner(0).result(WAIT_S) is None
    first = register.claim(0, "a", None).result(WAIT_S)
    assert register.claim(0, "b", None).result(WAIT_S) is None
    second = register.claim(0, "b", first).result(WAIT_S)
    assert second == register.owner(0).result(WAIT_S)
    assert second is not None
    assert (second.node, second.term) == ("b", 2)


def test_beats_come_back_to_who_sent_them(link: Link) -> None:
    register, heard = JetStreamRegister(link, NAME), list[bytes]()
    register.listen(heard.append)
    register.beat(b"here")
    until(lambda: heard == [b"here"], WAIT_S)


def test_a_link_comes_back_with_its_server_and_goes_on_where_it_was(servers: Servers, link: Link) -> None:
    log, heard = JetStreamDecisions(link, NAME, 1), list[Message]()
    log.append(b"a", 0).result(WAIT_S)
    log.follow(0, heard.append)
    until(lambda: len(heard) == 1, WAIT_S)
    servers.kill(0)
    with pytest.raises((NoAnswer, TimeoutError)):
        log.append(b"b", 1).result(WAIT_S)
    servers.start(0)

    def taken() -> bool:
        try:
            return bool(log.append(b"b", 1).result(WAIT_S))
        except NoAnswer:
            return False
        except Superseded:
            return log.at(2).result(WAIT_S) == b"b"  # an earlier try

    until(taken, WAIT_S)
    until(lambda: [one.body for one in heard] == [b"a", b"b"], WAIT_S)


def test_without_a_server_the_link_says_which_it_asked() -> None:
    with pytest.raises(Fault, match="no NATS server answers"):
        Link(["nats://127.0.0.1:1"], "test")


def test_no_password_is_told() -> None:
    with pytest.raises(Fault) as caught:
        Link(["nats://me:secret@127.0.0.1:1"], "test")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError) as wrong:
        servers_of("nats://me:secret@a:b")
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    "setting",
    ["", "127.0.0.1:4222", "nats://a, http://b", "nats://", "nats://a:99999999", "nats://a:b", "nats://a:0"],
)
def test_a_setting_that_names_no_servers_is_wrong(setting: str) -> None:
    with pytest.raises(ConfigError):
        servers_of(setting)
