"""How records become batches: sizes, payloads, halves and lanes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tailrace.delivery.ports import Record

__all__ = ["PAYLOAD_BYTES", "halves", "lane_of", "take", "window_end"]

# A synchronous invocation's payload, Lambda quotas (gettingstarted-limits.html).
PAYLOAD_BYTES: Final = 6 * 1024 * 1024
_ENVELOPE_BYTES: Final = len('{"Records":[]}')
_COMMA_BYTES: Final = 1
_SPREAD: Final = 0x9E3779B1  # odd: carries what differs in a CRC's low bits to the top

_encoder = msgspec.json.Encoder(order="sorted")


def take(records: tuple[Record, ...], max_records: int) -> tuple[Record, ...]:
    """The longest beginning of `records` that fits one payload: at least one record."""
    room = PAYLOAD_BYTES - _ENVELOPE_BYTES
    count = 0
    for record in records[:max_records]:
        room -= record.size + _COMMA_BYTES
        if room < 0:
            break
        count += 1
    return records[: max(count, 1)]


def halves(records: Sequence[Record]) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Two or more records in two parts, the first to come first."""
    middle = len(records) // 2
    return tuple(records[:middle]), tuple(records[middle:])


def window_end(opened_ms: int, length_ms: int, now_ms: int) -> int:
    """When the batching window that is open at `now_ms` runs out.

    A window opens when the last invocation ended, and anew whenever one runs out with nothing in it
    (invocation-eventsourcemapping.html, "Batching behavior").
    """
    return opened_ms + length_ms * ((now_ms - opened_ms) // length_ms + 1)


def lane_of(event: Mapping[str, Any], lanes: int) -> int:
    """Which of a shard's lanes takes a record: one item's records always take the same."""
    if "dynamodb" in event:
        key = _encoder.encode(event["dynamodb"]["Keys"])
    else:
        key = str(event["kinesis"]["partitionKey"]).encode()
    return (zlib.crc32(key) * _SPREAD & 0xFFFFFFFF) * lanes >> 32
