"""Lines on disk meet the contract of sinks, through torn lines, full disks and rotation."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailrace.delivery.ports import Sink
from tailrace.sinks.documents import document_id, document_of
from tailrace.sinks.jsonl import JsonLinesSink
from tailrace.testing.contracts.sink import SinkContract, SinkWorld, batch_of, change, key


def lines(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def sequences(path: Path) -> list[int]:
    return [int(line["dynamodb"]["SequenceNumber"]) for line in lines(path)]


class World:
    """Reads the file as its readers must: the record with the highest sequence number counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sink: Sink = JsonLinesSink(path)

    async def documents(self) -> Mapping[str, Mapping[str, Any]]:
        newest: dict[str, dict[str, Any]] = {}
        for line in lines(self.path):
            change = line["dynamodb"]
            known = newest.setdefault(document_id(change["Keys"]), change)
            if int(known["SequenceNumber"]) <= int(change["SequenceNumber"]):
                newest[document_id(change["Keys"])] = change
        return {
            identity: document_of(change["NewImage"])
            for identity, change in newest.items()
            if "NewImage" in change
        }

    async def reopen(self) -> None:
        await self.sink.close()
        self.sink = JsonLinesSink(self.path)


class TestJsonLines(SinkContract):
    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "out" / "changes.jsonl"

    async def make(self) -> SinkWorld:
        return World(self.path)


def write(sink: JsonLinesSink, *numbers: int) -> None:
    records = [change(number, key("k"), {}) for number in numbers]
    asyncio.run(sink.write(batch_of(*records)))


def test_a_line_is_the_event_record(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    write(JsonLinesSink(path), 1)
    assert lines(path) == [change(1, key("k"), {}).event]


@pytest.mark.parametrize("torn", [b"", b'{"half":', b"x" * 200_000])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "changes.jsonl"
    write(JsonLinesSink(path), 1, 2)
    before = path.read_bytes()
    path.write_bytes(before + torn)
    sink = JsonLinesSink(path)
    write(sink, 3)
    assert path.read_bytes().startswith(before)
    assert len(lines(path)) == 3


def test_a_file_of_nothing_but_a_torn_line_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    path.write_bytes(b"y" * 100_000)
    write(JsonLinesSink(path), 1)
    assert len(lines(path)) == 1


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "changes.jsonl"
    sink = JsonLinesSink(path)
    write(sink, 1)
    before = path.read_bytes()
    really_write = os.write

    def full(file: int, data: Any) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return really_write(file, data[:-50])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            write(sink, 2)
    assert path.read_bytes() == before
    write(sink, 2)
    assert len(lines(path)) == 2


def test_full_files_are_put_aside_in_order(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    sink = JsonLinesSink(path, rotate_bytes=1)
    for number in (1, 2, 3):
        write(sink, number)
    asyncio.run(sink.close())
    again = JsonLinesSink(path, rotate_bytes=1)
    write(again, 4)
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names == [
        "changes.000001.jsonl",
        "changes.000002.jsonl",
        "changes.000003.jsonl",
        "changes.jsonl",
    ]
    found = [sequences(tmp_path / name)[0] for name in names]
    assert found == sorted(found)
