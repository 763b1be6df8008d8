"""Event-stream messages are what botocore takes apart."""

from __future__ import annotations

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from tailrace.wire.event_stream import event_message, message

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(st.dictionaries(texts, texts, max_size=4), st.binary(max_size=300))
def test_any_message_is_read_back(headers: dict[str, str], payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(message(headers, payload))
    (read,) = list(buffer)
    assert read.headers == headers
    assert read.payload == payload


def test_an_event() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(event_message("SubscribeToShardEvent", "application/json", b"{}") * 2)
    first, second = list(buffer)
    assert (
        first.headers
        == second.headers
        == {
            ":event-type": "SubscribeToShardEvent",
            ":content-type": "application/json",
            ":message-type": "event",
        }
    )
