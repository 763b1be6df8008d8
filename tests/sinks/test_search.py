"""The embedded index meets the contract of sinks, and finds what is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tailrace.delivery.ports import Record
from tailrace.errors import ConfigurationError, ValidationException
from tailrace.sinks import search
from tailrace.sinks.comparison import compare
from tailrace.sinks.search import SearchSink
from tailrace.testing.contracts.sink import SinkContract, SinkWorld, batch_of, change, key

OSLO = {"name": {"S": "Oslo Gardermoen"}, "tags": {"SS": ["north", "hub"]}, "code": {"S": "OSL"}}
BERGEN = {"name": {"S": "Bergen Flesland"}, "at": {"M": {"country": {"S": "Norway"}}}}


class World:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.sink = SearchSink(path)

    async def documents(self) -> Mapping[str, Mapping[str, Any]]:
        found = list(self.sink.documents())
        assert len(dict(found)) == len(found) == self.sink.count()
        return dict(found)

    async def reopen(self) -> None:
        await self.sink.close()
        self.sink = SearchSink(self.path)


class TestSearch(SinkContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "index"

    async def make(self) -> SinkWorld:
        return World(self.path)


def filled(*records: Record) -> SearchSink:
    sink = SearchSink()
    assert not asyncio.run(sink.write(batch_of(*records)))
    return sink


def ids(sink: SearchSink, query: str, limit: int = 10) -> list[str]:
    return [hit.id for hit in sink.search(query, limit)]


def test_words_phrases_and_attributes_are_found() -> None:
    sink = filled(change(1, key("1"), OSLO), change(2, key("2"), BERGEN))
    assert ids(sink, "oslo") == ["1"]
    assert ids(sink, "north") == ["1"]
    assert ids(sink, '"bergen flesland"') == ["2"]
    assert ids(sink, "norway") == ["2"]
    assert ids(sink, "code:osl") == ["1"]
    assert ids(sink, "at.country:norway") == ["2"]
    assert sorted(ids(sink, "oslo bergen")) == ["1", "2"]
    assert ids(sink, "nowhere") == []
    (hit,) = sink.search("oslo")
    assert hit.document["name"] == "Oslo Gardermoen"
    assert hit.score > 0
    assert len(ids(sink, "oslo bergen", limit=1)) == 1


def test_what_was_changed_or_removed_is_no_longer_found() -> None:
    sink = filled(change(1, key("1"), OSLO), change(2, key("2"), BERGEN))
    asyncio.run(sink.write(batch_of(change(3, key("1"), BERGEN), change(4, key("2"), None))))
    assert ids(sink, "oslo") == []
    assert ids(sink, "bergen") == ["1"]
    assert sink.count() == 1


def test_a_query_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValidationException, match="Invalid query"):
        filled().search('"open')


def test_a_record_without_a_new_image_is_a_failure_and_those_before_it_are_kept() -> None:
    blind = Record.of(
        10**20 * 2, 0, {"eventName": "MODIFY", "dynamodb": {"Keys": key("2"), "NewImage": None}}
    )
    sink = SearchSink()
    (failure,) = asyncio.run(sink.write(batch_of(change(1, key("1"), OSLO), blind)))
    assert failure.sequence == blind.sequence
    assert "NewImage" in failure.reason
    assert sink.count() == 1


def test_a_directory_is_written_by_one_at_a_time(tmp_path: Path) -> None:
    first = SearchSink(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        SearchSink(tmp_path)
    asyncio.run(first.close())
    asyncio.run(SearchSink(tmp_path).close())


def test_tombstones_go_when_nothing_can_bring_their_documents_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "PURGE_EVERY", 1)
    monkeypatch.setattr(search, "TOMBSTONE_MS", 1000)
    sink = SearchSink()

    def stored() -> int:
        return sink._index.searcher().num_docs

    asyncio.run(sink.write(batch_of(change(1, key("1"), OSLO))))
    asyncio.run(sink.write(batch_of(change(2, key("1"), None))))
    assert (sink.count(), stored()) == (0, 1)
    asyncio.run(sink.write(batch_of(change(2000, key("2"), OSLO))))
    assert (sink.count(), stored()) == (1, 1)


def test_more_documents_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 3)
    sink = filled(*(change(n, key(f"k{n}"), {}) for n in range(1, 10)))
    assert sorted(identity for identity, _ in sink.documents()) == [f"k{n}" for n in range(1, 10)]
    expected = [(f"k{n}", {"pk": f"k{n}"}) for n in range(1, 10)]
    assert compare(expected, sink.documents()).is_equal
