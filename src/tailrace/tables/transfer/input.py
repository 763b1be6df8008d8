"""What an import reads: objects of lines, plain or gzipped, as items with their faults
(S3DataImport.Format.html)."""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, cast

import msgspec

from tailrace.errors import ValidationException
from tailrace.model.schema import Table
from tailrace.model.values import Item, Malformed
from tailrace.tables.transfer.ion_text import IonFault, parse_ion

__all__ = ["ITEM_FAULTS", "LineFault", "read_items"]

# The longest legal line is an item of 400 KB in its JSON; control characters take six bytes each.
_LINE_BYTES: Final = 4 * 1024 * 1024


class LineFault(Exception):
    """A line that is no item."""


class _JsonLine(msgspec.Struct, frozen=True):
    Item: Item


class _CsvOptions(msgspec.Struct, frozen=True):
    Delimiter: str | None = None
    HeaderList: list[str] | None = None


class _Options(msgspec.Struct, frozen=True):
    Csv: _CsvOptions | None = None


_json = msgspec.json.Decoder(_JsonLine).decode


def read_items(
    file: BinaryIO, asked: dict[str, Any], table: Table
) -> Iterator[tuple[Item | LineFault, int]]:
    """The items of an object, not yet checked, or what is wrong with their lines; and how many
    bytes each took. After a fault of the object itself nothing more comes."""
    stream = file
    if asked["InputCompressionType"] == "GZIP":
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb"))
    try:
        if asked["InputFormat"] == "CSV":
            yield from _csv_items(stream, asked, table)
        else:
            yield from _line_items(stream, asked["InputFormat"] == "ION")
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        yield LineFault(str(error)), 0


def _line_items(stream: BinaryIO, ion: bool) -> Iterator[tuple[Item | LineFault, int]]:
    while line := stream.readline(_LINE_BYTES):
        size = len(line)
        if size == _LINE_BYTES and not line.endswith(b"\n"):
            size += _pass_over(stream)
            yield LineFault("the line is too long"), size
        elif line.strip():
            yield _item(line, ion), size


def _pass_over(stream: BinaryIO) -> int:
    """Read to the end of a line; how many bytes that were."""
    size = 0
    while part := stream.readline(_LINE_BYTES):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def _item(line: bytes, ion: bool) -> Item | LineFault:
    try:
        if not ion:
            return _json(line).Item
        value = parse_ion(line.decode()).get("Item", {})
        if "M" in value:
            return value["M"]
    except (msgspec.DecodeError, IonFault, UnicodeError, RecursionError) as error:
        return LineFault(str(error))
    return LineFault("no Item in the line")


def _csv_items(
    stream: BinaryIO, asked: dict[str, Any], table: Table
) -> Iterator[tuple[Item | LineFault, int]]:
    options = msgspec.convert(asked.get("InputFormatOptions") or {}, _Options).Csv or _CsvOptions()
    rows = csv.reader(_text_lines(stream), delimiter=options.Delimiter or ",")
    header: Sequence[str] | None = options.HeaderList
    for row in rows:
        if not row:
            continue
        if header is None:
            header = row
            continue
        size = sum(len(cell.encode()) + 1 for cell in row)
        if len(row) != len(header):
            yield LineFault(f"{len(row)} values for {len(header)} columns"), size
        else:
            yield _csv_item(dict(zip(header, row, strict=True)), table), size


def _text_lines(stream: BinaryIO) -> Iterator[str]:
    yield from codecs.iterdecode(iter(lambda: stream.readline(_LINE_BYTES), b""), "utf-8-sig")


def _csv_item(cells: dict[str, str], table: Table) -> Item:
    """All columns are strings, but for those of keys, which have their keys' types."""
    types = table.attribute_types
    return {name: {types.get(name, "S"): text} for name, text in cells.items()}


# What the checks of an item raise.
ITEM_FAULTS: Final = (ValidationException, Malformed)
