"""The contract of the `Checkpoints` port. An adapter's tests subclass it and give it `make`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.delivery.ports import Checkpoints, Position

__all__ = ["CheckpointsContract"]

WAIT_S = 20.0
# Sequence numbers have 21 to 40 digits, and grow in length at times.
NUMBERS = st.sampled_from([10**20, 10**20 + 1, 10**21 - 1, 10**21, 10**39])
POSITIONS = st.builds(
    Position, sequence=st.none() | NUMBERS, latest=st.just(False), finished=st.booleans()
)


def _rank(position: Position) -> tuple[bool, int]:
    return position.finished, -1 if position.sequence is None else position.sequence


class CheckpointsContract(ABC):
    """What all checkpoints do."""

    @abstractmethod
    def make(self) -> Callable[[], Checkpoints]:
        """What opens an empty store of checkpoints; what it opens later has what was saved."""

    def run(self, test: Callable[[Callable[[], Checkpoints]], Coroutine[Any, Any, None]]) -> None:
        """Run a test with a store of its own."""

        async def main() -> None:
            await test(self.make())

        asyncio.run(asyncio.wait_for(main(), WAIT_S))

    def test_there_are_none_at_first(self) -> None:
        async def test(open_again: Callable[[], Checkpoints]) -> None:
            assert await open_again().load() == {}

        self.run(test)

    def test_what_was_saved_is_there_when_opened_again(self) -> None:
        async def test(open_again: Callable[[], Checkpoints]) -> None:
            saved = {
                "start": Position(),
                "tip": Position(latest=True),
                "middle": Position(sequence=10**20 + 7),
                "far": Position(sequence=10**39 + 7),
                "end": Position(sequence=10**20 + 9, finished=True),
                "empty": Position(finished=True),
            }
            first = open_again()
            await first.load()
            await first.save(saved)
            assert await open_again().load() == saved

        self.run(test)

    def test_positions_never_go_back(self) -> None:
        @given(st.lists(POSITIONS, min_size=1, max_size=6))
        @settings(max_examples=30, deadline=None)
        def law(positions: list[Position]) -> None:
            async def test(open_again: Callable[[], Checkpoints]) -> None:
                checkpoints = open_again()
                await checkpoints.load()
                for position in positions:
                    await checkpoints.save({"shard": position})
                assert await checkpoints.load() == {"shard": max(positions, key=_rank)}

            self.run(test)

        law()

    def test_a_forgotten_shard_is_gone(self) -> None:
        async def test(open_again: Callable[[], Checkpoints]) -> None:
            checkpoints = open_again()
            await checkpoints.load()
            await checkpoints.save({"a": Position(sequence=1), "b": Position(sequence=2)})
            await checkpoints.forget(["a", "never"])
            assert await checkpoints.load() == {"b": Position(sequence=2)}

        self.run(test)

    def test_many_shards(self) -> None:
        async def test(open_again: Callable[[], Checkpoints]) -> None:
            saved = {f"shard-{n:04d}": Position(sequence=10**20 + n) for n in range(200)}
            checkpoints = open_again()
            await checkpoints.load()
            await checkpoints.save(saved)
            assert await checkpoints.load() == saved

        self.run(test)
