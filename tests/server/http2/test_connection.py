"""HTTP/2 without I/O: requests come out whole, in the order in which they were sent, and get their
answers, whatever else is sent."""

from __future__ import annotations

from h2.errors import ErrorCodes
from hyperframe.frame import (
    DataFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from tailrace.server.http2.connection import BodyPart, Connection, Gone, Opened
from tests.server.http2.peer import Pair, Peer

FIELDS = [(b"content-type", b"text/plain")]


def answer(pair: Pair, stream_id: int, body: bytes = b"{}") -> None:
    pair.connection.answer(stream_id, 200, FIELDS, body)


def test_a_call_comes_whole_and_is_answered() -> None:
    pair = Pair()
    stream_id = pair.peer.call("ListTables", b'{"Limit"', ("authorization", "me"), last=False)
    pair.talk()
    assert pair.connection.next_call() is None
    pair.peer.h2.send_data(stream_id, b":1}", end_stream=True)
    pair.talk()
    call = pair.connection.next_call()
    assert call is not None
    assert call[0] == stream_id
    request = call[1]
    assert (request.method, request.url) == (b"POST", b"/")
    assert request.target == b"DynamoDB_20120810.ListTables"
    assert request.body == b'{"Limit":1}'
    assert request.authorization == b"me"
    assert (b"host", b"localhost") in request.headers
    assert not any(name.startswith(b":") for name, _ in request.headers)
    assert pair.connection.busy
    answer(pair, stream_id)
    pair.talk()
    assert not pair.connection.busy
    response = pair.peer.response(stream_id)
    assert (response.status, response.body) == (200, b"{}")


def test_other_requests_are_told_as_they_come() -> None:
    pair = Pair()
    stream_id = pair.peer.open("POST", "/a?b=c", last=False)
    pair.talk()
    pair.peer.h2.send_data(stream_id, b"body", end_stream=True)
    pair.talk()
    opened, part, end = pair.happenings
    assert isinstance(opened, Opened)
    assert (opened.request.url, opened.request.target) == (b"/a?b=c", b"")
    assert part == BodyPart(stream_id, b"body", 4, last=False)
    assert end == BodyPart(stream_id, b"", 0, last=True)
    assert pair.calls() == []


def test_an_authority_stands_for_the_host_and_cookies_are_one() -> None:
    pair = Pair()
    cookies = (("cookie", "a=1"), ("cookie", "b=2"))
    pair.peer.open("GET", "/", ("host", "localhost"), *cookies)
    pair.talk()
    opened = pair.happenings[0]
    assert isinstance(opened, Opened)
    assert opened.request.headers == [(b"host", b"localhost"), (b"cookie", b"a=1; b=2")]


def test_a_head_has_no_body() -> None:
    pair = Pair()
    stream_id = pair.peer.open("HEAD", "/", ("x-amz-target", "DynamoDB_20120810.ListTables"))
    pair.talk()
    assert pair.calls() == [stream_id]
    answer(pair, stream_id, b"long")
    pair.talk()
    assert pair.peer.response(stream_id).body == b""


def test_a_client_that_waits_for_it_is_told_to_go_on() -> None:
    pair = Pair()
    stream_id = pair.peer.call("ListTables", b"", ("expect", "100-continue"), last=False)
    whole = pair.peer.call("ListTables", b"{}", ("expect", "100-continue"))
    pair.talk()
    assert pair.peer.continues == [stream_id]
    pair.peer.h2.send_data(stream_id, b"{}", end_stream=True)
    pair.talk()
    assert pair.calls() == [whole, stream_id]


def test_trailers_end_a_request() -> None:
    pair = Pair()
    stream_id = pair.peer.call("ListTables", b"{}", last=False)
    pair.peer.h2.send_headers(stream_id, [("x-checksum", "1")], end_stream=True)
    pair.talk()
    assert pair.calls() == [stream_id]


def test_a_stream_that_was_reset_is_passed_over() -> None:
    pair = Pair()
    waiting, begun, other = (pair.peer.call("ListTables", b"{}") for _ in range(3))
    opened = pair.peer.open("GET", "/")
    pair.peer.h2.reset_stream(waiting)
    pair.talk()
    assert pair.calls() == [begun, other]
    pair.peer.h2.reset_stream(begun)
    pair.peer.h2.reset_stream(opened)
    pair.talk()
    assert pair.happenings[-1] == Gone(opened)
    for stream_id in (waiting, begun, other):
        answer(pair, stream_id)
    pair.connection.head(opened, 200, FIELDS, last=False)
    pair.connection.body(opened, b"late", last=True)
    pair.connection.reset(opened)
    pair.talk()
    assert pair.peer.ended == [other]
    assert pair.peer.goaway is None


def test_an_answer_before_the_end_of_the_request_ends_both() -> None:
    pair = Pair()
    stream_id = pair.peer.open("POST", "/", last=False)
    pair.talk()
    pair.connection.head(stream_id, 413, FIELDS, last=False)
    pair.connection.body(stream_id, b"too large", last=True)
    pair.talk()
    assert pair.peer.response(stream_id).status == 413
    assert pair.peer.resets == {stream_id: ErrorCodes.NO_ERROR}


def test_leaving_answers_what_came_and_refuses_the_rest() -> None:
    pair = Pair()
    whole = pair.peer.call("ListTables", b"{}")
    half = pair.peer.call("ListTables", b"{", last=False)
    page = pair.peer.open("GET", "/")
    pair.talk()
    pair.connection.leave()
    # Sent before the client knows.
    late = pair.peer.call("ListTables", b"{}")
    pair.talk()
    goaway = pair.peer.goaway
    assert goaway is not None
    assert (goaway.error_code, goaway.last_stream_id) == (ErrorCodes.NO_ERROR, page)
    assert pair.peer.resets == dict.fromkeys((half, late), ErrorCodes.REFUSED_STREAM)
    assert pair.calls() == [whole]
    answer(pair, whole)
    pair.talk()
    assert not pair.connection.finished
    pair.connection.head(page, 200, FIELDS, last=False)
    pair.connection.body(page, b"page", last=True)
    pair.talk()
    assert pair.connection.finished
    assert pair.peer.ended == [whole, page]


def test_a_client_that_takes_leave_gets_its_answers() -> None:
    pair = Pair()
    stream_id = pair.peer.call("ListTables", b"{}")
    pair.talk()
    pair.peer.leave()
    pair.talk()
    assert not pair.connection.finished
    assert pair.calls() == [stream_id]
    answer(pair, stream_id)
    pair.talk()
    assert pair.peer.response(stream_id).body == b"{}"
    assert pair.connection.finished


FRAMES = st.one_of(
    st.builds(
        lambda s, d: DataFrame(s, data=d, flags=["END_STREAM"]), st.integers(1, 9), st.binary()
    ),
    st.builds(lambda s, e: RstStreamFrame(s, error_code=e), st.integers(1, 9), st.integers(0, 20)),
    st.builds(
        lambda s, n: WindowUpdateFrame(s, window_increment=n),
        st.integers(0, 9),
        st.integers(1, 2**31 - 1),
    ),
    st.builds(
        lambda s, d: HeadersFrame(s, data=d, flags=["END_HEADERS"]), st.integers(1, 9), st.binary()
    ),
    st.builds(
        lambda code, value: SettingsFrame(0, settings={code: value}),
        st.integers(0, 9),
        st.integers(0, 2**32 - 1),
    ),
).map(lambda frame: frame.serialize())


@given(st.lists(FRAMES | st.binary(max_size=30), max_size=12), st.integers(1, 64))
def test_nothing_that_is_sent_is_an_error_here(pieces: list[bytes], size: int) -> None:
    """Frames of any kind and anything else, in packets of any size, beside requests."""
    peer, connection = Peer(), Connection()
    good = [peer.call("ListTables", b"{}"), peer.open("GET", "/")]
    sent = peer.h2.data_to_send() + b"".join(pieces)
    for start in range(0, len(sent), size):
        for happening in connection.receive(sent[start : start + size]):
            if isinstance(happening, Opened):
                connection.head(happening.stream_id, 200, FIELDS, last=False)
            elif isinstance(happening, BodyPart):
                connection.consumed(happening.stream_id, happening.window)
        while (call := connection.next_call()) is not None:
            connection.answer(call[0], 200, FIELDS, b"x" * 100)
        connection.output(1000)
    for stream_id in good:
        connection.body(stream_id, b"late", last=True)
        connection.release(stream_id)
    connection.leave()
    connection.output(1000)
