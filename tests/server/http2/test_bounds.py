"""Whatever a client sends over HTTP/2, nothing that is kept or done for it is without a bound."""

from __future__ import annotations

import itertools

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    SettingsFrame,
)

from tailrace import limits
from tailrace.server.http2 import connection as bounds
from tailrace.server.http2.connection import BodyPart, Gone, Opened
from tests.server.http2.peer import Pair

FIELDS = [(b"content-type", b"text/plain")]


def answer(pair: Pair, stream_id: int, body: bytes = b"{}") -> None:
    pair.connection.answer(stream_id, 200, FIELDS, body)


def test_a_body_over_the_limit_is_told_without_being_kept() -> None:
    pair = Pair()
    stream_id = pair.peer.call("ListTables", b"", last=False)
    chunk = bytes(16384)
    for sent in range(0, limits.REQUEST_BYTES + 1, len(chunk)):
        pair.peer.h2.send_data(stream_id, chunk)
        pair.talk()
        assert sent <= limits.REQUEST_BYTES
    pair.peer.h2.end_stream(stream_id)
    pair.talk()
    call = pair.connection.next_call()
    assert call is not None
    assert call[1].too_large
    assert call[1].body == b""


def test_bodies_of_all_streams_together_have_a_limit() -> None:
    pair = Pair()
    chunk = bytes(16384)
    fits = bounds.GATHERED_BYTES // 5
    streams = [pair.peer.call("ListTables", b"", last=False) for _ in range(6)]
    for _, stream_id in itertools.product(range(fits // len(chunk)), streams[:5]):
        pair.peer.h2.send_data(stream_id, chunk)
        pair.talk()
    for stream_id in streams[5:]:
        for _ in range(10):
            if stream_id not in pair.peer.resets:
                pair.peer.h2.send_data(stream_id, chunk)
                pair.talk()
    assert pair.peer.resets == {streams[5]: ErrorCodes.REFUSED_STREAM}
    for stream_id in streams[:5]:
        pair.peer.h2.end_stream(stream_id)
    pair.talk()
    assert pair.calls() == streams[:5]
    last = pair.peer.call("ListTables", chunk)
    pair.talk()
    assert pair.calls() == [last], "what was handed on no longer counts"


def test_what_nobody_reads_blocks_its_own_stream_only() -> None:
    pair = Pair()
    stream_id = pair.peer.open("POST", "/", last=False)
    pair.talk()
    while window := pair.peer.h2.local_flow_control_window(stream_id):
        pair.peer.h2.send_data(stream_id, bytes(min(window, 16384)))
        pair.talk()
    parts = [part for part in pair.happenings if isinstance(part, BodyPart)]
    assert sum(part.window for part in parts) == bounds.STREAM_WINDOW
    other = pair.peer.call("ListTables", b"{}")
    pair.talk()
    assert pair.calls() == [other]
    for part in parts:
        pair.connection.consumed(stream_id, part.window)
    pair.talk()
    assert pair.peer.h2.local_flow_control_window(stream_id) >= bounds.STREAM_WINDOW // 2


def test_no_call_begins_while_much_waits_to_be_sent() -> None:
    pair = Pair({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    first, second = (pair.peer.call("ListTables", b"{}") for _ in range(2))
    pair.talk()
    call = pair.connection.next_call()
    assert call is not None
    assert call[0] == first
    answer(pair, first, bytes(bounds.UNSENT_BYTES))
    pair.talk()
    assert pair.calls() == []
    pair.peer.h2.reset_stream(first)
    pair.talk()
    assert pair.calls() == [second]


def test_requests_that_were_reset_are_still_under_way() -> None:
    pair = Pair()
    for _ in range(3):
        streams = [pair.peer.call("PutItem", b"{}") for _ in range(100)]
        pages = [pair.peer.open("GET", "/") for _ in range(20)]
        pair.talk()
        pair.calls()
        for stream_id in streams + pages:
            if stream_id not in pair.peer.resets:
                pair.peer.h2.reset_stream(stream_id)
        pair.talk()
    begun = [x.stream_id for x in pair.happenings if isinstance(x, Opened)]
    gone = [x.stream_id for x in pair.happenings if isinstance(x, Gone)]
    assert begun == gone
    assert len(begun) == 20 + 8, "the others were refused"
    assert set(pair.peer.resets.values()) == {ErrorCodes.REFUSED_STREAM}
    waiting = pair.peer.call("PutItem", b"{}")
    pair.talk()
    assert pair.calls() == []
    pair.connection.release(begun[0])
    assert pair.calls() == [waiting]


def test_every_header_field_and_all_together_have_limits() -> None:
    pair = Pair()
    pair.peer.h2.remote_settings.max_header_list_size = 2**24
    pair.peer.call("ListTables", b"{}", ("x-long", "y" * (bounds.HEADER_BYTES - 1000)))
    pair.talk()
    assert len(pair.calls()) == 1
    pair.peer.call("ListTables", b"{}", ("x-long", "y" * bounds.HEADER_BYTES))
    pair.talk()
    assert pair.connection.finished
    assert pair.peer.goaway is not None
    assert pair.peer.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM


def test_more_streams_than_allowed_end_the_connection() -> None:
    pair = Pair()
    for _ in range(bounds.STREAMS):
        pair.peer.call("ListTables", b"{}")
    pair.talk()
    assert len(pair.calls()) == bounds.STREAMS
    pair.peer.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
    pair.peer.h2.remote_settings.acknowledge()
    pair.peer.call("ListTables", b"{}")
    pair.talk()
    assert pair.connection.finished


PING = PingFrame(0, opaque_data=b"12345678").serialize()
SETTINGS = SettingsFrame(0, settings={SettingCodes.HEADER_TABLE_SIZE: 100}).serialize()
EMPTY_DATA = DataFrame(1).serialize()


@pytest.mark.parametrize("frame", [PING, SETTINGS, EMPTY_DATA])
def test_frames_that_bring_nothing_on_are_counted(frame: bytes) -> None:
    pair = Pair()
    assert pair.peer.call("ListTables", b"", last=False) == 1
    pair.talk()
    pair.connection.receive(frame * (bounds.FRUITLESS_FRAMES - 100))
    assert not pair.connection.finished
    pair.connection.receive(frame * 200)
    assert pair.connection.finished
    assert ErrorCodes.ENHANCE_YOUR_CALM.to_bytes(4, "big") in pair.connection.output(65536)[-17:]
    assert pair.connection.receive(frame) == []
    assert pair.connection.output(65536) == b""


def test_requests_that_are_reset_at_once_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "FRUITLESS_FRAMES", 500)
    pair = Pair()
    pair.talk()
    for _ in range(bounds.FRUITLESS_FRAMES + 1):
        stream_id = pair.peer.call("PutItem", b"{}")
        pair.peer.h2.reset_stream(stream_id)
        pair.connection.receive(pair.peer.h2.data_to_send())
        assert pair.calls() == [], "it is not begun at all"
    assert pair.connection.finished


def test_an_answer_makes_up_for_frames_that_brought_nothing() -> None:
    pair = Pair()
    for _ in range(3):
        pair.connection.receive(
            pair.peer.h2.data_to_send() + PING * (bounds.FRUITLESS_FRAMES - 100)
        )
        stream_id = pair.peer.call("ListTables", b"{}")
        pair.connection.receive(pair.peer.h2.data_to_send())
        assert pair.calls() == [stream_id]
        answer(pair, stream_id)
        pair.peer.take(pair.connection.output(65536))
    assert not pair.connection.finished


def test_headers_in_endless_continuations_are_refused() -> None:
    pair = Pair()
    pair.talk()
    frames = [HeadersFrame(1, data=b"").serialize()]
    frames += [ContinuationFrame(1, data=b"").serialize() for _ in range(100)]
    pair.connection.receive(b"".join(frames))
    assert pair.connection.finished


def test_what_is_remembered_of_headers_does_not_grow_as_the_client_likes() -> None:
    pair = Pair({SettingCodes.HEADER_TABLE_SIZE: 2**20})
    pair.peer.h2.decoder.max_allowed_table_size = 2**20
    pair.talk()
    for n in range(300):
        stream_id = pair.peer.call("ListTables", b"{}")
        pair.talk()
        assert pair.calls() == [stream_id]
        pair.connection.answer(stream_id, 200, [(b"x-id", b"%060d" % n)], b"{}")
        pair.talk()
        assert pair.peer.heads[stream_id]["x-id"] == f"{n:060}"
    assert pair.peer.h2.decoder.header_table_size == bounds.COMPRESSION_BYTES
