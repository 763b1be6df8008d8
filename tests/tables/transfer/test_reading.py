"""Proves that objects are read from any place on as from the beginning, whatever they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from tailrace import limits
from tailrace.engines.buckets import DirectoryBuckets
from tailrace.tables.transfer.buckets import BucketFault
from tailrace.tables.transfer.input import Columns, LineFault, Put, Source
from tailrace.tables.transfer.reading import Found, Place, list_objects, read_from

PACK = {"NONE": bytes, "GZIP": gzip.compress, "ZSTD": zstd.compress}
LINES = {
    "DYNAMODB_JSON": ['{"Item": {"pk": {"S": "é"}}}', '{"Item": {}}', "{", "", "  "],
    "ION": ['$ion_1_0 {Item:{pk:"é"}}', "{Item:{}}", "{", "", "  "],
    "CSV": ["é,1", "x", '"a\nb",2', "", '"",""'],
}


def read(buckets: DirectoryBuckets, source: Source, place: Place) -> list[Found]:
    objects = list_objects(buckets, source)
    return list(read_from(buckets, source, {}, objects, place))


def said(found: Sequence[Found]) -> list[Any]:
    """What records say, and where."""
    return [
        (each.behind.key, each.line, str(each.record.found), each.behind)
        for each in found
        if each.record.found is not None
    ]


@st.composite
def stored(draw: st.DrawFn) -> tuple[Source, list[bytes]]:
    """A source, and the content of its objects."""
    kind = draw(st.sampled_from(sorted(LINES)))
    packed = draw(st.sampled_from(sorted(PACK)))
    header = draw(st.sampled_from([None, ["a", "b"]]))
    lines = st.lists(st.sampled_from(LINES[kind]), max_size=8)
    texts = ["\n".join(found) for found in draw(st.lists(lines, max_size=3))]
    if kind == "CSV" and header is None:
        texts = [f"a,b\n{text}" for text in texts]
    contents = [PACK[packed](text.encode()) for text in texts]
    if contents and draw(st.booleans()):
        contents[0] = contents[0][:-3]
    return Source("bucket", "in/", kind, packed, Columns(",", header)), contents


@given(stored())
def test_from_any_place_on_comes_the_rest(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[Source, list[bytes]]
) -> None:
    source, contents = made
    root = tmp_path_factory.mktemp("buckets")
    directory = root / "bucket" / "in"
    directory.mkdir(parents=True)
    for number, content in enumerate(contents):
        (directory / str(number)).write_bytes(content)
    buckets = DirectoryBuckets(root)
    whole = read(buckets, source, Place())
    for number, found in enumerate(whole):
        if not found.record.work:
            assert _bare(said(read(buckets, source, found.behind))) == _bare(
                said(whole[number + 1 :])
            )
    if whole:
        assert whole[-1].behind.stored_bytes == sum(map(len, contents))


def _bare(found: list[Any]) -> list[Any]:
    """Without the stored bytes, of which a stream may read more ahead than another time."""
    return [
        (*each[:3], each[3].key, each[3].offset, each[3].lines, each[3].whole) for each in found
    ]


@pytest.fixture
def buckets(tmp_path: Path) -> DirectoryBuckets:
    (tmp_path / "bucket").mkdir()
    return DirectoryBuckets(tmp_path)


def source(**more: Any) -> Source:
    return Source("bucket", "", "DYNAMODB_JSON", "NONE", **more)


def test_a_line_that_is_too_long_is_passed_over_in_pieces(buckets: DirectoryBuckets) -> None:
    long = b"x" * (3 * limits.INPUT_LINE_BYTES)
    buckets.write("bucket", "a", long + b'\n{"Item": {}}\n' + long)
    found = read(buckets, source(), Place())
    assert [type(each.record.found) for each in found if each.record.found] == [
        LineFault,
        Put,
        LineFault,
    ]
    # None of them holds the line, and none stands for more than a piece of it.
    assert all(len(each.record.text) < 100 for each in found)
    assert max(each.record.work for each in found) <= limits.INPUT_LINE_BYTES
    assert [each.line for each in found if each.record.found] == [1, 2, 3]


def test_what_is_passed_over_is_not_listed(buckets: DirectoryBuckets) -> None:
    for key in ("a/1", "a/2", "b/1"):
        buckets.write("bucket", key, b"")
    objects = list_objects(buckets, source(passed_over="a/"))
    assert [each.key for each in objects] == ["b/1"]


def test_more_objects_than_may_be_are_a_fault(
    buckets: DirectoryBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INPUT_OBJECTS", 1)
    for key in ("a", "b"):
        buckets.write("bucket", key, b"")
    with pytest.raises(BucketFault, match="2 objects"):
        list_objects(buckets, source())


def test_conditions_are_read_where_they_may_be(buckets: DirectoryBuckets) -> None:
    line = {
        "Item": {"pk": {"S": "a"}},
        "ConditionExpression": "#a = :a",
        "ExpressionAttributeNames": {"#a": "a"},
        "ExpressionAttributeValues": {":a": {"S": "x"}},
    }
    buckets.write("bucket", "a", json.dumps(line).encode())
    with_it, without = source(conditional=True), source()
    assert read(buckets, with_it, Place())[0].record.found == Put(
        {"pk": {"S": "a"}}, "#a = :a", {"#a": "a"}, {":a": {"S": "x"}}
    )
    assert read(buckets, without, Place())[0].record.found == Put({"pk": {"S": "a"}})
