"""Change records as GetRecords serves them: whole JSON, made once, when the change is committed.

Images are spliced in as the bytes they are stored as, so making a record costs the same for small
items and large ones, and serving it later is a join of bytes. The members and their values are
those of the API reference (`API_streams_Record.html`, `API_streams_StreamRecord.html`), for Kinesis
streams those of `API_Record.html`.
"""

from __future__ import annotations

import hashlib

import msgspec

from tailrace.model.changes import Change
from tailrace.model.schema import Stream, StreamKind, StreamViewType
from tailrace.streams.sequence import SEQUENCE_BASE, time_us

__all__ = ["encode_record"]

_CLOCK_MASK = 0xFFFFFFFFFFFFFFFF
# Odd, so multiplying by it modulo 2^64 is a bijection: no two clocks share an event id.
_SPREAD = 0x9E3779B97F4A7C15
_SERVICE = b',"userIdentity":{"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"}}'
# Streams whose frames are kept; beyond it all are dropped and made anew, some microseconds each.
_FRAMES = 1024

_WITH_NEW = (StreamViewType.NEW_IMAGE, StreamViewType.NEW_AND_OLD_IMAGES)
_WITH_OLD = (StreamViewType.OLD_IMAGE, StreamViewType.NEW_AND_OLD_IMAGES)


class _Frame(msgspec.Struct, frozen=True, gc=False):
    """What all records of a stream share.

    The `insert`, `modify` and `remove` texts take, by bytes formatting, the event id's low half,
    the time in seconds and the keys; `close` takes the sequence number and the size.
    """

    stream: Stream
    shows_new: bool
    shows_old: bool
    insert: bytes
    modify: bytes
    remove: bytes
    close: bytes


# By the identity of the stream's value, which the frame keeps alive: hashing the value itself would
# cost more than the record.
_frames: dict[int, _Frame] = {}


def encode_record(change: Change, clock: int, stream: Stream) -> bytes:
    """The JSON of the record of `change`, made at `clock`, as `stream` with its view type shows it.

    SizeBytes counts the keys and the images that are shown. The event id is a function of the
    stream's ARN and the clock. A record of a Kinesis stream is what was put, and when: `change.new`
    has its other members, as JSON.
    """
    if stream.kind is StreamKind.KINESIS:
        return _put_record(change, clock)
    frame = _frames.get(id(stream)) or _frame(stream)
    old, new, size = change.old, change.new, change.keys_size
    head = frame.insert if old is None else frame.remove if new is None else frame.modify
    parts = [head % (clock * _SPREAD & _CLOCK_MASK, time_us(clock) // 1_000_000, change.keys)]
    if frame.shows_new and new is not None:
        parts.append(b',"NewImage":')
        parts.append(new)
        size += change.new_size
    if frame.shows_old and old is not None:
        parts.append(b',"OldImage":')
        parts.append(old)
        size += change.old_size
    parts.append(frame.close % (SEQUENCE_BASE + clock, size))
    parts.append(_SERVICE if change.by_service else b"}")
    return b"".join(parts)


def _put_record(change: Change, clock: int) -> bytes:
    s, ms = divmod(time_us(clock) // 1000, 1000)
    return b'{"SequenceNumber":"%d","ApproximateArrivalTimestamp":%d.%03d,%b}' % (
        SEQUENCE_BASE + clock,
        s,
        ms,
        change.new,
    )


def _frame(stream: Stream) -> _Frame:
    if len(_frames) >= _FRAMES:
        _frames.clear()
    view = stream.view_type
    digest = hashlib.blake2b(stream.arn.encode(), digest_size=8).hexdigest().encode()
    region = msgspec.json.encode(stream.region).replace(b"%", b"%%")
    insert, modify, remove = (
        b'{"eventID":"'
        + digest
        + b'%016x","eventName":"'
        + name
        + b'","eventVersion":"1.1","eventSource":"aws:dynamodb",'
        b'"awsRegion":' + region + b',"dynamodb":{"ApproximateCreationDateTime":%d,"Keys":%b'
        for name in (b"INSERT", b"MODIFY", b"REMOVE")
    )
    frame = _Frame(
        stream=stream,
        shows_new=view in _WITH_NEW,
        shows_old=view in _WITH_OLD,
        insert=insert,
        modify=modify,
        remove=remove,
        close=b',"SequenceNumber":"%d","SizeBytes":%d,"StreamViewType":"'
        + view.value.encode()
        + b'"}',
    )
    _frames[id(stream)] = frame
    return frame
