"""What the book has was written before it could be read, and is read again as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tailrace.api.functions.book import Book
from tailrace.api.functions.errors import FunctionNotFound
from tailrace.api.functions.names import FunctionName
from tailrace.api.functions.records import Alias, Code, EventSourceMapping, Function, Version

NAME = FunctionName("123456789012", "us-east-1", "f")


class MemoryDocuments:
    """Documents that may be told to fail."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.failing = False

    async def load(self) -> Mapping[str, bytes]:
        return dict(self.kept)

    async def put(self, key: str, document: bytes) -> None:
        if self.failing:
            raise OSError("no space left")
        self.kept[key] = document

    async def delete(self, key: str) -> None:
        if self.failing:
            raise OSError("no space left")
        self.kept.pop(key, None)


def version(number: str, **more: Any) -> Version:
    return Version(
        version=number,
        code=Code(bundle=f"bundle-{number}"),
        role="role",
        modified="now",
        revision_id="r",
        **more,
    )


def function(*numbers: str, **more: Any) -> Function:
    return Function(
        account=NAME.account,
        region=NAME.region,
        name=NAME.name,
        latest=version("$LATEST", environment={"K": "é"}),
        published={number: version(number) for number in numbers},
        next_version=len(numbers) + 1,
        **more,
    )


MAPPING = EventSourceMapping(
    uuid="u",
    account=NAME.account,
    region=NAME.region,
    function="f",
    qualifier=None,
    source_arn="arn",
    enabled=True,
    members={"BatchSize": 7},
    modified_us=1,
)


def reopened(documents: MemoryDocuments) -> Book:
    book = Book(documents)
    asyncio.run(book.load())
    return book


def test_it_is_read_as_it_was_written() -> None:
    documents = MemoryDocuments()
    book = Book(documents)
    kept = function(*map(str, range(1, 12)), tags={"a": "b"})
    asyncio.run(book.keep(kept))
    asyncio.run(book.keep_mapping(MAPPING))
    again = reopened(documents)
    assert again.functions == book.functions == {NAME.place: kept}
    assert again.mappings == {"u": MAPPING}
    assert list(again.functions[NAME.place].published) == [str(n) for n in range(1, 12)]
    fewer = msgspec.structs.replace(kept, published={"2": version("2")})
    asyncio.run(again.keep(fewer))
    assert reopened(documents).functions == {NAME.place: fewer}
    assert sorted(again.bundles()) == ["bundle-$LATEST", "bundle-2"]
    asyncio.run(again.drop(fewer))
    asyncio.run(again.drop_mapping(MAPPING))
    assert documents.kept == {}


def test_what_could_not_be_written_is_not_read() -> None:
    documents = MemoryDocuments()
    book = Book(documents)
    asyncio.run(book.keep(function("1")))
    documents.failing = True
    for change in (
        book.keep(function("1", "2")),
        book.drop(function("1")),
        book.keep_mapping(MAPPING),
    ):
        with pytest.raises(OSError, match="no space"):
            asyncio.run(change)
    assert book.functions == {NAME.place: function("1")}
    assert not book.mappings


def test_versions_by_number_and_by_alias() -> None:
    book = Book(MemoryDocuments())
    live = Alias(name="live", function_version="1", revision_id="r")
    asyncio.run(book.keep(function("1", aliases={"live": live})))

    def found(qualifier: str | None) -> str:
        return book.version(msgspec.structs.replace(NAME, qualifier=qualifier)).version

    assert [found(each) for each in (None, "$LATEST", "1", "live")] == [
        "$LATEST",
        "$LATEST",
        "1",
        "1",
    ]
    for missing in ("2", "dead"):
        with pytest.raises(FunctionNotFound):
            found(missing)
    with pytest.raises(FunctionNotFound):
        book.mapping("u", NAME.account, NAME.region)
    asyncio.run(book.keep_mapping(MAPPING))
    with pytest.raises(FunctionNotFound):
        book.mapping("u", "1" * 12, NAME.region)
