"""Answers arrive whole and in turn, as the client's windows allow."""

from __future__ import annotations

from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from tests.server.http2.peer import Pair

FIELDS = [(b"content-type", b"text/plain")]


def answer(pair: Pair, stream_id: int, body: bytes = b"{}") -> None:
    pair.connection.answer(stream_id, 200, FIELDS, body)


@given(st.data())
def test_answers_come_whole_through_any_window(data: st.DataObject) -> None:
    """Bodies of any sizes over streams interleaved, whatever windows the client opens."""
    window = data.draw(st.integers(0, 400), label="window")
    frame = data.draw(st.sampled_from([16384, 20000, 2**24 - 1]), label="frame")
    settings = {SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_FRAME_SIZE: frame}
    bodies = data.draw(st.lists(st.binary(max_size=1000), min_size=1, max_size=5), label="bodies")
    pair = Pair(settings)
    streams = [pair.peer.call("ListTables", b"{}") for _ in bodies]
    pair.talk()
    assert pair.calls() == streams
    for stream_id, body in zip(streams, bodies, strict=True):
        answer(pair, stream_id, body)
    pair.talk()
    for stream_id, body in zip(streams, bodies, strict=True):
        if window < len(body) and window == 0:
            assert stream_id not in pair.peer.ended
        if stream_id not in pair.peer.ended:
            pair.peer.h2.increment_flow_control_window(len(body) + 1, stream_id)
    pair.talk()
    got = [pair.peer.response(stream_id).body for stream_id in streams]
    assert got == bodies


def test_answers_take_turns() -> None:
    pair = Pair()
    pair.peer.h2.increment_flow_control_window(10_000_000)
    streams = [pair.peer.call("ListTables", b"{}") for _ in range(3)]
    for stream_id in streams:
        pair.peer.h2.increment_flow_control_window(100_000, stream_id)
    pair.talk()
    for stream_id in pair.calls():
        answer(pair, stream_id, b"x" * 100_000)
    pair.talk()
    order = [stream_id for stream_id, size in pair.peer.frames if size > 1][:6]
    assert order == streams * 2


def test_a_closed_window_holds_up_one_stream_only() -> None:
    pair = Pair({SettingCodes.INITIAL_WINDOW_SIZE: 10})
    held, free = (pair.peer.call("ListTables", b"{}") for _ in range(2))
    pair.talk()
    pair.calls()
    answer(pair, held, b"x" * 11)
    answer(pair, free, b"x" * 10)
    pair.peer.reads = False
    pair.talk()
    assert pair.peer.ended == [free]
    assert pair.connection.unsent(held) == 1
    assert not pair.connection.busy, "the client is waited for, and does not wait"
    pair.peer.h2.increment_flow_control_window(1, held)
    pair.talk()
    assert pair.peer.ended == [free, held]


def test_a_window_that_shrinks_below_nothing_is_waited_for() -> None:
    pair = Pair({SettingCodes.INITIAL_WINDOW_SIZE: 100})
    stream_id = pair.peer.call("ListTables", b"{}")
    pair.talk()
    pair.calls()
    pair.peer.reads = False
    answer(pair, stream_id, b"x" * 150)
    pair.talk()
    pair.peer.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})
    pair.talk()
    assert pair.connection.unsent(stream_id) == 50
    pair.peer.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 150})
    pair.talk()
    assert len(pair.peer.response(stream_id).body) == 150
