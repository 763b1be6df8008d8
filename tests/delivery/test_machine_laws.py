"""Whatever fails: each record is handled at least once, an item's in order, and checkpoints are
monotone and never pass a record that was not handled."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.delivery import messages as m
from tailrace.delivery.machine import Shard, begin, step
from tailrace.delivery.ports import Batch, Failure, Position, Record, ShardPage
from tailrace.delivery.settings import DeliverySettings

KEYS = 5


class World:
    """A shard of `total` records, a receiver that fails at random, and a crash now and then."""

    def __init__(self, options: dict[str, Any], total: int, chance: random.Random) -> None:
        self.shard = Shard("arn", "shard", DeliverySettings(**options), seed=chance.getrandbits(64))
        self.records = [self.make(sequence) for sequence in range(1, total + 1)]
        self.chance = chance
        self.now_ms = 0
        self.saved = Position()
        self.settled: set[int] = set()

    @staticmethod
    def make(sequence: int) -> Record:
        event = {"dynamodb": {"Keys": {"pk": {"N": str(sequence % KEYS)}}}}
        return Record.of(sequence, 0, event)

    def run(self) -> None:
        """Until the shard is finished, with at most three crashes."""
        for crashes_after in [*(self.chance.randrange(1, 60) for _ in range(3)), 5_000]:
            if self.live(crashes_after):
                return
        raise AssertionError("the shard was not finished")

    def live(self, events: int) -> bool:
        state = begin(self.shard, self.saved)
        queue: list[m.Effect] = []
        event: m.Event = m.Started(self.now_ms)
        wake: int | None = None
        for _ in range(events):
            state, effects = step(state, event)
            for effect in effects:
                match effect:
                    case m.Save(position):
                        self.save(position)
                    case m.WakeAt(at_ms):
                        wake = at_ms
                    case m.Finish():
                        return True
                    case _:
                        queue.append(effect)
            if queue:
                event = self.answer(queue.pop(self.chance.randrange(len(queue))))
            else:
                assert wake is not None, "nothing is under way and nothing will be"
                self.now_ms, wake = max(self.now_ms, wake), None
                event = m.Ticked(self.now_ms)
        return False

    def answer(self, effect: m.Effect) -> m.Event:
        match effect:
            case m.Read(position, _, _):
                return self.read(position)
            case m.Invoke(lane, batch):
                return self.invoke(lane, batch)
            case m.Discard(lane, batch, _, _, _):
                if self.chance.random() < 0.3:
                    return m.DiscardFailed(lane, "full", self.now_ms)
                self.settled.update(record.sequence for record in batch.records)
                return m.Discarded(lane, self.now_ms)
        raise AssertionError(effect)

    def read(self, position: Position) -> m.Event:
        if self.chance.random() < 0.2:
            return m.ReadFailed(m.ReadProblem.PASSING, "lost", self.now_ms)
        start = position.sequence or 0
        found = self.records[start : start + self.chance.randrange(0, 8)]
        ended = start + len(found) == len(self.records)
        return m.PageRead(ShardPage(found, ended, 0 if ended else 1), self.now_ms)

    def invoke(self, lane: int, batch: Batch) -> m.Event:
        for record in batch.records:
            # The item's older records were settled, or are in this very batch before it.
            older = range(record.sequence - KEYS, self.saved.sequence or 0, -KEYS)
            assert all(o in self.settled or o in sequences(batch) for o in older)
        fate = self.chance.random()
        if fate < 0.25:
            return m.Refused(lane, "boom", self.now_ms)
        if fate < 0.35:
            return m.Unavailable(lane, "throttled", self.now_ms)
        if fate < 0.6:
            failed = self.chance.choice(sequences(batch))
            self.settled.update(s for s in sequences(batch) if s < failed)
            return m.Answered(lane, (Failure(failed, "no"),), self.now_ms)
        self.settled.update(sequences(batch))
        return m.Answered(lane, (), self.now_ms)

    def save(self, position: Position) -> None:
        before, after = self.saved.sequence or 0, position.sequence or 0
        assert after > before or position.finished
        assert self.settled >= set(range(1, after + 1))
        self.saved = position


def sequences(batch: Batch) -> list[int]:
    return [record.sequence for record in batch.records]


@given(
    options=st.fixed_dictionaries(
        {
            "batch_size": st.integers(1, 6),
            "parallelization_factor": st.integers(1, 3),
            "maximum_batching_window_in_seconds": st.integers(0, 1),
            "maximum_retry_attempts": st.sampled_from([-1, 0, 2]),
            "bisect_batch_on_function_error": st.booleans(),
        }
    ),
    total=st.integers(0, 40),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_every_record_is_settled_in_order_and_the_checkpoint_never_passes_one(
    options: dict[str, Any], total: int, seed: int
) -> None:
    world = World(options, total, random.Random(seed))
    world.run()
    assert world.settled == set(range(1, total + 1))
    assert world.saved.finished
