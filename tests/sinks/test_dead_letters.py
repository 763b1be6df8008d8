"""A directory keeps dead letters, also when a writer died in the middle of a line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tailrace.delivery.dead_letters import DeadLetterStore
from tailrace.sinks.dead_letters import DirectoryDeadLetters
from tailrace.testing.contracts.dead_letters import DeadLetterContract, all_of, letter


class TestDirectoryDeadLetters(DeadLetterContract):
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path / "dead"

    def make(self) -> Callable[[], DeadLetterStore]:
        return lambda: DirectoryDeadLetters(self.directory)


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    store = DirectoryDeadLetters(tmp_path)
    asyncio.run(store.keep([letter(1)]))
    (path,) = tmp_path.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"id":"torn')
    asyncio.run(store.keep([letter(2)]))
    assert list(asyncio.run(all_of(store))) == ["1", "2"]
