"""The records of all objects of a source, one object after another, from a place on."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

import msgspec

from tailrace import limits
from tailrace.tables.transfer.buckets import BucketFault, Buckets, StoredObject
from tailrace.tables.transfer.decompression import CountedFile
from tailrace.tables.transfer.input import LineFault, Record, Source, read_object

__all__ = ["Found", "Place", "list_objects", "read_from"]


class Place(msgspec.Struct, frozen=True, gc=False):
    """How far a source is read: `offset` bytes and `lines` lines of the content of the object
    `key`, or that object `whole`, and all before it. `before` is the size of those, `part` how much
    of the object itself was read, both in stored bytes."""

    key: str = ""
    offset: int = 0
    lines: int = 0
    whole: bool = True
    before: int = 0
    part: int = 0

    @property
    def stored_bytes(self) -> int:
        """Stored bytes that were read so far."""
        return self.before + self.part


class Found(msgspec.Struct, frozen=True, gc=False):
    """A record, the line of its object that it is in, and the place behind it."""

    record: Record
    line: int
    behind: Place


def list_objects(buckets: Buckets, source: Source) -> Sequence[StoredObject]:
    """The objects of a source, in the order in which they are read. Raises BucketFault."""
    objects = [
        stored
        for stored in buckets.objects(source.bucket, source.prefix)
        if source.passed_over is None or not stored.key.startswith(source.passed_over)
    ]
    if len(objects) > limits.INPUT_OBJECTS:
        raise BucketFault(
            "S3TooManyObjects",
            f"{len(objects)} objects match the prefix; the most that can be read is"
            f" {limits.INPUT_OBJECTS}",
        )
    return objects


def read_from(
    buckets: Buckets,
    source: Source,
    types: Mapping[str, str],
    objects: Sequence[StoredObject],
    place: Place,
) -> Generator[Found]:
    """The records behind a place. `types` are those of key attributes. Raises BucketFault."""
    for stored in objects:
        if stored.key < place.key or (stored.key == place.key and place.whole):
            continue
        if stored.key != place.key:
            place = Place(stored.key, whole=False, before=place.before)
        for found in _read_one(buckets, source, types, stored, place):
            yield found
            if found.record.last:
                break
        place = _behind(stored, place)
        yield Found(Record(None, 0), 0, place)


def _behind(stored: StoredObject, place: Place) -> Place:
    return Place(stored.key, before=place.before + stored.size)


def _read_one(
    buckets: Buckets,
    source: Source,
    types: Mapping[str, str],
    stored: StoredObject,
    place: Place,
) -> Iterator[Found]:
    if source.object_bytes is not None and stored.size > source.object_bytes:
        fault = LineFault(f"The object is larger than {source.object_bytes} bytes")
        yield Found(Record(fault, 0, last=True), 0, _behind(stored, place))
        return
    whole = _behind(stored, place)
    with buckets.open(source.bucket, stored.key) as file:
        counted = CountedFile(file)
        offset, lines = place.offset, place.lines
        for record in read_object(counted, source, types, offset):
            offset += record.size
            lines += record.lines
            behind = Place(stored.key, offset, lines, False, place.before, counted.count)
            yield Found(record, lines, whole if record.last else behind)
