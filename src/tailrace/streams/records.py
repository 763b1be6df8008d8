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
from tailrace.streams.sequence import CLOCKS_PER_S, NUMBER_FORMAT, SEQUENCE_BASE, time_us

__all__ = ["encode_record"]

_SERVICE = b',"userIdentity":{"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"}'
# Takes an image and leaves it out.
_HIDDEN = b"%.0b"
# Streams whose frames are kept; beyond it all are dropped and made anew, some microseconds each.
_FRAMES = 1024

_WITH_NEW = (StreamViewType.NEW_IMAGE, StreamViewType.NEW_AND_OLD_IMAGES)
_WITH_OLD = (StreamViewType.OLD_IMAGE, StreamViewType.NEW_AND_OLD_IMAGES)


class _Frame(msgspec.Struct, frozen=True, gc=False):
    """What all records of a stream share.

    The texts take, by bytes formatting, the clock for the event id's low half, the time in seconds,
    the keys, the new image, the old one, the clock for the sequence number, and the size; an image
    that isn't shown is taken and left out.
    """

    stream: Stream
    shows_new: bool
    shows_old: bool
    insert: bytes
    modify: bytes
    remove: bytes
    expire: bytes


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
    size = change.keys_size
    if frame.shows_new:
        size += change.new_size
    if frame.shows_old:
        size += change.old_size
    old, new = change.old, change.new
    if old is None:
        text = frame.insert
    elif new is not None:
        text = frame.modify
    else:
        text = frame.expire if change.by_service else frame.remove
    return text % (
        clock,
        clock // CLOCKS_PER_S,
        change.keys,
        new or b"",
        old or b"",
        clock,
        size,
    )


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
    shows_new, shows_old = view in _WITH_NEW, view in _WITH_OLD
    new, old = _image(b"NewImage", shows_new), _image(b"OldImage", shows_old)

    def text(event: bytes, images: bytes, identity: bytes = b"") -> bytes:
        parts = (
            b'{"eventID":"',
            digest,
            b'%016x","eventName":"',
            event,
            b'","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":',
            region,
            b',"dynamodb":{"ApproximateCreationDateTime":%d,"Keys":%b',
            images,
            b',"SequenceNumber":"',
            NUMBER_FORMAT,
            b'","SizeBytes":%d,"StreamViewType":"',
            view.value.encode(),
            b'"}',
            identity,
            b"}",
        )
        return b"".join(parts)

    frame = _Frame(
        stream=stream,
        shows_new=shows_new,
        shows_old=shows_old,
        insert=text(b"INSERT", new + _HIDDEN),
        modify=text(b"MODIFY", new + old),
        remove=text(b"REMOVE", _HIDDEN + old),
        expire=text(b"REMOVE", _HIDDEN + old, _SERVICE),
    )
    _frames[id(stream)] = frame
    return frame


def _image(member: bytes, shown: bool) -> bytes:
    return b',"' + member + b'":%b' if shown else _HIDDEN
