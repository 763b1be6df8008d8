"""Positions on their way are merged, tried again when saving fails, and never dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tailrace.delivery import turn
from tailrace.delivery.ports import Position
from tailrace.delivery.saver import Saver
from tailrace.sources.memory_checkpoints import MemoryCheckpoints

FIRST, SECOND = Position(sequence=1), Position(sequence=2)


class Flaky(MemoryCheckpoints):
    """Fails its first saves; `hold` keeps a save waiting."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.saves = 0
        self.hold = asyncio.Event()
        self.hold.set()

    async def save(self, positions: Mapping[str, Position]) -> None:
        self.saves += 1
        await self.hold.wait()
        if self.failures:
            self.failures -= 1
            raise OSError("throttled")
        await super().save(positions)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "BACKOFF_FIRST_MS", 0)


def test_only_the_newest_position_of_a_shard_is_saved() -> None:
    async def main() -> None:
        checkpoints = Flaky()
        saver = Saver(checkpoints, 0.0)
        saver.put("a", FIRST)
        saver.put("a", SECOND)
        await saver.flush()
        await saver.flush()
        assert (await checkpoints.load(), checkpoints.saves) == ({"a": SECOND}, 1)

    asyncio.run(main())


def test_what_fails_is_tried_again_and_told() -> None:
    async def main() -> None:
        checkpoints = Flaky(failures=2)
        saver = Saver(checkpoints, 0.0)
        saver.put("a", FIRST)
        await saver.flush()
        assert await checkpoints.load() == {"a": FIRST}
        assert (saver.errors, saver.error) == (2, "")

    asyncio.run(main())


def test_a_cancelled_save_is_made_up_for_with_what_came_meanwhile() -> None:
    async def main() -> None:
        checkpoints = Flaky()
        checkpoints.hold.clear()
        saver = Saver(checkpoints, 0.0)
        saver.put("a", FIRST)
        saver.put("b", FIRST)
        saving = asyncio.create_task(saver.flush())
        await asyncio.sleep(0)
        saver.put("b", SECOND)
        saving.cancel()
        await asyncio.wait([saving])
        checkpoints.hold.set()
        await saver.flush()
        assert await checkpoints.load() == {"a": FIRST, "b": SECOND}

    asyncio.run(main())


def test_positions_are_saved_by_themselves_after_a_while() -> None:
    async def main() -> None:
        checkpoints = Flaky()
        saver = Saver(checkpoints, 0.0)
        running = asyncio.create_task(saver.run())
        saver.put("a", FIRST)
        async with asyncio.timeout(10):
            while not await checkpoints.load():  # noqa: ASYNC110
                await asyncio.sleep(0)
        running.cancel()

    asyncio.run(main())
