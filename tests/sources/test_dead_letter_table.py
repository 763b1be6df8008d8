"""A table keeps dead letters; images that fit no item are left out, and that is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.delivery.dead_letters import DeadLetterStore
from tailrace.sources.dead_letter_table import TableDeadLetters
from tailrace.testing.contracts.dead_letters import DeadLetterContract, all_of, letter


class TestTableDeadLetters(DeadLetterContract):
    @pytest.fixture(autouse=True)
    def _store(self, store: Any) -> None:
        self.new_store = type(store)

    def make(self) -> Callable[[], DeadLetterStore]:
        store = self.new_store()
        return lambda: TableDeadLetters(store, "dead-letters")


def test_what_fits_no_item_is_kept_without_its_images(store: Any) -> None:
    async def main() -> None:
        noise = random.Random(1).randbytes(390_000).hex()
        kept = TableDeadLetters(store, "dead-letters")
        await kept.keep([letter(1, NewImage={"v": {"S": noise}}, OldImage={"v": {"S": noise}})])
        found = (await all_of(kept))["1"]
        assert found.cut
        assert found.record["dynamodb"] == {"Keys": {"pk": {"S": "1"}}}

    asyncio.run(main())
