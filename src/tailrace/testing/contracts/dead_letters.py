"""The contract of places that keep dead letters. Their tests subclass it and give it `make`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from tailrace.delivery.dead_letters import DeadLetterStore, StoredLetter
from tailrace.delivery.ports import DeadLetter, Record

__all__ = ["DeadLetterContract", "letter"]

WAIT_S = 20.0


def letter(sequence: int, reason: str = "ValueError: boom", **images: Any) -> DeadLetter:
    """A dead letter of an INSERT."""
    event = {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": str(sequence)}}, **images}}
    record = Record.of(sequence, 1_789_651_658_000, event)
    return DeadLetter(
        record, "arn:stream", "shard-1", "RetryAttemptsExhausted", reason, 3, 1_789_651_700_000
    )


class DeadLetterContract(ABC):
    """What every such place does."""

    @abstractmethod
    def make(self) -> Callable[[], DeadLetterStore]:
        """What opens an empty place; what it opens later has what was kept."""

    def run(
        self, test: Callable[[Callable[[], DeadLetterStore]], Coroutine[Any, Any, None]]
    ) -> None:
        """Run a test with a place of its own."""

        async def main() -> None:
            await test(self.make())

        asyncio.run(asyncio.wait_for(main(), WAIT_S))

    def test_there_are_none_at_first(self) -> None:
        async def test(open_again: Callable[[], DeadLetterStore]) -> None:
            assert await all_of(open_again()) == {}

        self.run(test)

    def test_letters_are_kept_whole(self) -> None:
        async def test(open_again: Callable[[], DeadLetterStore]) -> None:
            await open_again().keep([letter(1), letter(2, "ü\n\u0000"), letter(10**20)])
            await open_again().keep([letter(3)])
            found = await all_of(open_again())
            assert sorted(found, key=int) == ["1", "2", "3", str(10**20)]
            assert found["2"].reason == "ü\n\u0000"
            assert found["1"].record == letter(1).record.event
            assert found["1"].failed_at_ms == 1_789_651_700_000
            assert not found["1"].cut

        self.run(test)

    def test_letters_that_were_dropped_are_gone(self) -> None:
        async def test(open_again: Callable[[], DeadLetterStore]) -> None:
            await open_again().keep([letter(1), letter(2), letter(3)])
            found = await all_of(open_again())
            await open_again().remove([found["1"].id, found["3"].id, "never"])
            assert list(await all_of(open_again())) == ["2"]

        self.run(test)

    def test_a_large_letter_is_kept(self) -> None:
        async def test(open_again: Callable[[], DeadLetterStore]) -> None:
            item = {"pk": {"S": "1"}, "v": {"S": "x" * 390_000}}
            await open_again().keep([letter(1, NewImage=item, OldImage=item)])
            found = await all_of(open_again())
            assert found["1"].record["dynamodb"]["NewImage"] == item

        self.run(test)


async def all_of(store: DeadLetterStore) -> dict[str, StoredLetter]:
    """The letters of a place by sequence number."""
    return {each.sequence_number: each async for each in store.letters()}
