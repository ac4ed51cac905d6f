"""Events over HTTP: pages of the past, and streams that go on, without a gap and without a repeat."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from engine import EventLog
from tests.deadline import until
from tests.gateway.http import Http, gateway


def send(http: Http, *aggregates: str) -> list[int]:
    """Parcels under these names; their positions."""
    commands = [{"type": "parcel.send", "aggregate": one, "sender": "ann"} for one in aggregates]
    return [receipt["position"] for receipt in http.post("/api/commands", commands).json]


def test_a_page_of_the_past_is_lines_and_says_where_the_next_one_begins(http: Http) -> None:
    positions = send(http, *(f"page-{n}" for n in range(5)))
    before = positions[0] - 1
    page = http.get(f"/api/events?after={before}&limit=2")
    lines = page.body.decode().splitlines()
    assert page.headers["content-type"] == "application/jsonl"
    assert len(lines) == 2
    assert page.headers["ringfold-after"] == str(positions[1])
    assert page.headers["ringfold-more"] == "1"
    rest = http.get(f"/api/events?after={page.headers['ringfold-after']}")
    assert rest.headers["ringfold-more"] == "0"
    assert len(rest.body.splitlines()) == 3


def test_a_page_is_of_the_types_and_the_aggregate_that_are_asked_for(http: Http) -> None:
    send(http, "filter-1", "filter-2")
    http.send("parcel.move", "filter-1", place="Bonn")
    moved = http.get("/api/events?types=parcel.moved&aggregate=filter-1").body.splitlines()
    assert len(moved) == 1
    assert b'"place":"Bonn"' in moved[0]
    assert len(http.get("/api/events?aggregate=filter-1").body.splitlines()) == 2
    assert http.get("/api/events?types=no.such").body == b""


def test_a_stream_begins_where_it_is_told_and_goes_on_live(http: Http) -> None:
    positions = send(http, "live-1")
    with http.stream(f"/api/events?after={positions[0] - 1}") as stream:
        stream.until(lambda it: it.positions() == positions)
        positions += send(http, "live-2", "live-3")
        stream.until(lambda it: it.positions() == positions)
        assert [id for id, _ in stream.events] == [str(position) for position in positions]


def test_a_stream_without_a_beginning_begins_now(http: Http) -> None:
    send(http, "now-1")
    with http.stream("/api/events") as stream:
        stream.until(lambda it: it.id)  # it says at once where it is
        (position,) = send(http, "now-2")
        stream.until(lambda it: it.positions() == [position])


def test_a_stream_that_is_taken_up_again_loses_nothing_and_repeats_nothing(http: Http) -> None:
    with http.stream("/api/events?after=0") as all, http.stream("/api/events") as stream:
        stream.until(lambda it: it.id)
        taken: list[int] = []
        for round in range(5):
            wanted = send(http, *(f"again-{round}-{n}" for n in range(20)))
            stream.until(lambda it, some=wanted: set(it.positions()) & set(some))  # type: ignore[misc]
            stream.close()
            taken += stream.positions()
            stream = http.stream("/api/events", Last_Event_ID=stream.id)
        last = send(http, "again-last")
        stream.until(lambda it: last[0] in it.positions())
        taken += stream.positions()
        stream.close()
        all.until(lambda it: it.positions()[-1:] == last)
        assert taken == list(range(taken[0], last[0] + 1))
        assert all.positions() == list(range(1, last[0] + 1))


def test_a_stream_of_one_aggregate_has_its_entries_alone(http: Http) -> None:
    send(http, "alone-1")
    with http.stream("/api/events?aggregate=alone-1&after=0") as stream:
        stream.until(lambda it: len(it.events) == 1)
        send(http, "alone-2")
        http.send("parcel.move", "alone-1", place="Rom")
        stream.until(lambda it: len(it.events) == 2)
        assert {data["aggregate"] for _, data in stream.events} == {"alone-1"}


def test_a_stream_of_types_has_these_alone(http: Http) -> None:
    with http.stream("/api/events?types=parcel.moved,parcel.asked-for") as stream:
        stream.until(lambda it: it.id)
        send(http, "typed-1")
        http.send("parcel.ask", "typed-1")
        stream.until(lambda it: len(it.events) == 1)
        assert stream.events[0][1]["events"] == [{"type": "parcel.asked-for"}]


def test_lines_may_go_on_too(http: Http) -> None:
    with http.stream("/api/events?follow=1", Accept="application/jsonl") as stream:
        stream.until(lambda it: it.lines)
        (position,) = send(http, "lines-1")
        stream.until(lambda it: f'{{"after":[{position}],"partition":0,' in it.lines[-1])


def test_several_partitions_come_whole_and_are_taken_up_by_the_vector(tmp_path: Path) -> None:
    with gateway(tmp_path, partitions=4) as (node, http):
        with http.stream("/api/events") as stream:
            stream.until(lambda it: it.id)
            send(http, *(f"part-{n}" for n in range(100)))
            stream.until(lambda it: len(it.events) >= 40)
        first, at = stream.events, stream.id
        with http.stream("/api/events", Last_Event_ID=at) as stream:
            send(http, *(f"more-{n}" for n in range(100)))
            stream.until(lambda it: len(first) + len(it.events) == 200)
            got = [(data["partition"], data["position"]) for _, data in first + stream.events]
        with EventLog(node.data) as log:
            stored = [(entry.partition, entry.position) for entry in log.read()]
        assert sorted(got) == sorted(stored)
        with http.stream("/api/events?aggregate=part-7&after=0,0,0,0") as stream:
            stream.until(lambda it: len(it.events) == 1)
            assert stream.until(lambda it: sum(map(int, it.id.split(","))) == 200)


def test_positions_beyond_the_log_are_refused(http: Http) -> None:
    answer = http.get("/api/events", Last_Event_ID="1000000", Accept="text/event-stream")
    assert (answer.status, answer.code) == (409, "ahead")


@pytest.mark.parametrize(
    ("query", "accept", "status"),
    [
        ("after=1,2", "*/*", 400),
        ("after=x", "*/*", 400),
        ("limit=0", "*/*", 400),
        ("partition=1", "*/*", 400),
        ("follow=2", "*/*", 400),
        ("typo=1", "*/*", 400),
        ("", "text/html", 406),
    ],
)
def test_what_events_cannot_be_asked_for_is_a_problem(
    http: Http, query: str, accept: str, status: int
) -> None:
    assert http.get(f"/api/events?{query}", Accept=accept).status == status


def test_a_gateway_that_was_killed_is_started_again_and_streams_go_on(tmp_path: Path) -> None:
    with gateway(tmp_path) as (node, http):
        with http.stream("/api/events") as stream:
            stream.until(lambda it: it.id)
            send(http, "killed-1")
            stream.until(lambda it: it.positions() == [1])
            os.kill(node.pids["gateway"], signal.SIGKILL)
            stream.until(lambda it: it.ended)
        assert send(http, "killed-2") == [2]  # the connection waited at the supervisor's socket
        with http.stream("/api/events", Last_Event_ID=stream.id) as stream:
            stream.until(lambda it: it.positions() == [2])


def test_streams_end_at_once_when_the_node_stops(tmp_path: Path) -> None:
    with gateway(tmp_path) as (node, http):
        streams = [http.stream("/api/events") for _ in range(5)]
        for stream in streams:
            stream.until(lambda it: it.id)
        with unread(http) as deaf:
            os.kill(node.pid, signal.SIGTERM)
            began = time.monotonic()
            until(lambda: all(stream.ended for stream in streams), 10)
            took = time.monotonic() - began
            assert node.wait() == 0
            deaf.close()
        assert took < 0.3 + 0.3  # what a busy machine may add
        assert all(stream.lines[-2] == "retry: 1000" for stream in streams)
        for stream in streams:
            stream.close()


def test_a_client_that_does_not_read_is_left_and_the_others_go_on(tmp_path: Path) -> None:
    with gateway(tmp_path) as (_, http), unread(http) as deaf, http.stream("/api/events") as stream:
        stream.until(lambda it: it.id)
        sent, by = 0, time.monotonic() + 60
        while not cut_off(deaf):
            sent += len(send(http, *(f"{'wide' * 40}-{sent + n}" for n in range(1_000))))
            assert time.monotonic() < by, "a client that reads nothing is kept for ever"
        stream.until(lambda it: it.positions()[-1:] == [sent], 30)
        assert stream.positions() == list(range(1, sent + 1))


def unread(http: Http) -> socket.socket:
    """A client that asks for a stream and never reads."""
    address = (http.address.hostname, http.address.port)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(address)
    host = f"{http.address.hostname}:{http.address.port}"
    client.sendall(f"GET /api/events HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n".encode())
    return client


def cut_off(client: socket.socket) -> bool:
    """True if the other end has ended the connection."""
    try:
        client.send(b"\r\n")
    except OSError:
        return True
    return False
