"""What an import or a bulk put reads: objects of lines, plain or compressed, as items with their
faults (S3DataImport.Format.html, BulkPutItems.Format.html)."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.values import AttributeValue, Item, Malformed
from tailrace.tables.transfer.decompression import STREAM_FAULTS, CountedFile, opened
from tailrace.tables.transfer.ion_text import IonFault, parse_ion

__all__ = ["ITEM_FAULTS", "Columns", "LineFault", "Put", "Record", "Source", "read_object"]


class LineFault(Exception):
    """A line that is no item."""


# What the checks of an item raise.
ITEM_FAULTS: Final = (ValidationException, Malformed)


class Columns(msgspec.Struct, frozen=True):
    """How CSV is written; without a header the first row of each object is one."""

    delimiter: str = ","
    header: Sequence[str] | None = None


class Source(msgspec.Struct, frozen=True):
    """What is read: the objects under a prefix of a bucket, but for those under `passed_over`.
    `format` is DYNAMODB_JSON, ION or CSV, `compression` NONE, GZIP or ZSTD. The lines of a
    `conditional` source may have conditions. Objects over `object_bytes` are not read."""

    bucket: str
    prefix: str
    format: str
    compression: str
    columns: Columns = Columns()
    conditional: bool = False
    passed_over: str | None = None
    object_bytes: int | None = None


class Put(msgspec.Struct, frozen=True, gc=False):
    """An item to put, and the condition for it, as it was written; nothing is checked yet."""

    item: Item
    condition: str | None = None
    names: dict[str, str] | None = None
    values: dict[str, AttributeValue] | None = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """What the next `size` bytes of an object's content say, which are `lines` lines: an item, or
    why they are none; None for blank lines, and for a part of something longer. `text` is the line.
    `work` is how many bytes were read for it beside; `last` that the object ends with it."""

    found: Put | LineFault | None
    size: int
    lines: int = 0
    text: bytes = b""
    work: int = 0
    last: bool = False


class _JsonLine(msgspec.Struct, frozen=True):
    Item: Item


class _PutLine(msgspec.Struct, frozen=True):
    Item: Item
    ConditionExpression: str | None = None
    ExpressionAttributeNames: dict[str, str] | None = None
    ExpressionAttributeValues: dict[str, AttributeValue] | None = None


_json = msgspec.json.Decoder(_JsonLine).decode
_put_json = msgspec.json.Decoder(_PutLine).decode


def read_object(
    file: CountedFile, source: Source, types: Mapping[str, str], offset: int
) -> Iterator[Record]:
    """The records of an object behind the first `offset` bytes of its content. `types` are those of
    key attributes. After a fault of the object itself nothing more comes. Raises BucketFault."""
    try:
        stream = opened(file, source.compression)
        if source.format == "CSV":
            yield from _csv_records(stream, source.columns, types, offset)
        else:
            yield from _line_records(stream, source, offset)
    except (*STREAM_FAULTS, csv.Error) as error:
        fault = LineFault(f"The object cannot be read any further: {error}")
        yield Record(fault, 0, 1, last=True)


def _passed(stream: BinaryIO, size: int) -> Iterator[Record]:
    """Read over what was done before."""
    while size > 0 and (part := stream.read(min(size, limits.INPUT_LINE_BYTES))):
        size -= len(part)
        yield Record(None, 0, work=len(part))


def _line_records(stream: BinaryIO, source: Source, offset: int) -> Iterator[Record]:
    yield from _passed(stream, offset)
    while line := stream.readline(limits.INPUT_LINE_BYTES):
        size = len(line)
        if size == limits.INPUT_LINE_BYTES and not line.endswith(b"\n"):
            while part := stream.readline(limits.INPUT_LINE_BYTES):
                size += len(part)
                yield Record(None, 0, work=len(part))
                if part.endswith(b"\n"):
                    break
            yield Record(LineFault("The line is too long"), size, 1)
        elif line.strip():
            yield Record(_put(line, source), size, 1, line)
        else:
            yield Record(None, size, 1)


def _put(line: bytes, source: Source) -> Put | LineFault:
    try:
        if source.format == "ION":
            return _ion_put(parse_ion(line.decode()), source.conditional)
        if not source.conditional:
            return Put(_json(line).Item)
        put = _put_json(line)
    except (msgspec.DecodeError, IonFault, UnicodeError, RecursionError) as error:
        return LineFault(str(error))
    return Put(
        put.Item,
        put.ConditionExpression,
        put.ExpressionAttributeNames,
        put.ExpressionAttributeValues,
    )


def _ion_put(struct: Item, conditional: bool) -> Put | LineFault:
    item = struct.get("Item", {}).get("M")
    if item is None:
        return LineFault("no Item in the line")
    if not conditional:
        return Put(item)
    condition = _ion_member(struct, "ConditionExpression", "S")
    names = _ion_member(struct, "ExpressionAttributeNames", "M")
    if names is not None:
        names = {name: _ion_member(names, name, "S") for name in names}
    return Put(item, condition, names, _ion_member(struct, "ExpressionAttributeValues", "M"))


def _ion_member(struct: Item, name: str, kind: str) -> Any:
    """A member of a struct; None when it isn't there. Raises IonFault for another type."""
    value = struct.get(name)
    if value is None or "NULL" in value:
        return None
    if kind not in value:
        raise IonFault(f"{name} is of the wrong type")
    return value[kind]


class _Texts:
    """The lines of a stream as text, which count themselves."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self.size = 0
        self.lines = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._stream.readline(limits.INPUT_LINE_BYTES):
            self.size += len(line)
            self.lines += 1
            yield self._decode(line)

    def taken(self) -> tuple[int, int]:
        """Bytes and lines since the last time."""
        taken = self.size, self.lines
        self.size = self.lines = 0
        return taken


def _csv_records(
    stream: BinaryIO, columns: Columns, types: Mapping[str, str], offset: int
) -> Iterator[Record]:
    texts = _Texts(stream)
    rows = csv.reader(texts, delimiter=columns.delimiter)
    header = columns.header
    if header is None:
        header = next((row for row in rows if row), ())
        size, lines = texts.taken()
        if not offset:
            yield Record(None, size, lines)
        offset -= size
    yield from _passed(stream, offset)
    for row in rows:
        size, lines = texts.taken()
        if not row:
            yield Record(None, size, lines)
        elif len(row) != len(header):
            fault = LineFault(f"{len(row)} values for {len(header)} columns")
            yield Record(fault, size, lines)
        else:
            yield Record(Put(_csv_item(dict(zip(header, row, strict=True)), types)), size, lines)


def _csv_item(cells: dict[str, str], types: Mapping[str, str]) -> Item:
    """All columns are strings, but for those of keys, which have their keys' types."""
    return {name: {types.get(name, "S"): text} for name, text in cells.items()}
