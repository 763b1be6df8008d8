"""Tumbling windows: batches never straddle them, state is carried from call to call, and each ends
with one last call."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.delivery import messages as m
from tailrace.delivery.events import event_of
from tailrace.delivery.machine import Shard, begin, step
from tailrace.delivery.on_failure import on_failure_record
from tailrace.delivery.ports import Batch, Position, Record, ShardPage, TimeWindow
from tailrace.delivery.settings import DeliverySettings, InvalidParameterValueException
from tailrace.delivery.windows import LATE_MS, STATE_BYTES, check_windows
from tailrace.errors import ConfigurationError, ValidationException


def at(sequence: int, second: float) -> Record:
    return Record.of(sequence, round(second * 1000), {"n": sequence})


class Windows:
    """A shard with windows of ten seconds, whose function counts the records in its state."""

    def __init__(self, script: Any, **more: Any) -> None:
        self.shard = script(**{"tumbling_window_in_seconds": 10, **more})
        self.shard.start()

    def page(self, *records: Record, ended: bool = False) -> list[str]:
        return self.lines(self.shard.page(*records, ended=ended))

    def count(self) -> list[str]:
        """The function answers to the call in hand."""
        batch = self.shard.batches[-1].batch
        state = None
        if not batch.window.final:
            before = msgspec.json.decode(batch.window.state)
            state = msgspec.json.encode({"n": before.get("n", 0) + len(batch.records)})
        return self.answer(state)

    def answer(self, state: bytes | None) -> list[str]:
        return self.lines(self.shard.tell(m.Answered(0, (), self.shard.now_ms, state)))

    def at(self, second: float) -> list[str]:
        return self.lines(self.shard.at(round(second * 1000)))

    def lines(self, lines: list[str]) -> list[str]:
        """Calls as `0-10 1..2 {}` or `0-10 final {"n":2}`; other effects as they are."""
        calls = iter(e.batch for e in self.shard.effects if isinstance(e, m.Invoke))
        return [self.call(next(calls)) if "invoke" in line else line for line in lines]

    def call(self, batch: Batch) -> str:
        window = batch.window
        assert window is not None
        what = "final" if window.final else ",".join(str(r.sequence) for r in batch.records)
        early = " early" if window.early else ""
        bounds = f"{window.start_ms // 1000}-{window.end_ms // 1000}"
        return f"{bounds} {what} {window.state[:20].decode()}{early}"


@pytest.fixture
def windows(script: Any) -> Windows:
    return Windows(script)


def test_state_is_carried_through_a_window_and_the_last_call_ends_it(windows: Windows) -> None:
    assert windows.page(at(1, 1), at(2, 2))[0] == "0-10 1,2 {}"
    assert "save 2" not in windows.count()
    assert windows.page(at(3, 9.9))[0] == '0-10 3 {"n":2}'
    assert windows.count() == ["wake at 11000"]
    assert windows.at(11) == ['0-10 final {"n":3}']
    assert windows.count() == ["save 3"]
    assert windows.shard.state.tally.result == "OK"


def test_batches_do_not_straddle_windows(windows: Windows) -> None:
    lines = windows.page(at(1, 8), at(2, 9), at(3, 10), at(4, 35))
    assert lines[0] == "0-10 1,2 {}"
    assert windows.count()[0] == '0-10 final {"n":2}'
    assert windows.count() == ["10-20 3 {}", "save 2"]
    assert windows.count() == ['10-20 final {"n":1}']
    # Windows without records are not called for.
    assert windows.count() == ["30-40 4 {}", "save 3"]


def test_a_window_of_a_backlog_is_not_closed_between_two_pages(windows: Windows) -> None:
    windows.shard.now_ms = 100_000
    windows.lines(windows.shard.page(at(1, 1), behind_ms=99_000))
    assert windows.count() == []
    windows.at(500)
    assert windows.lines(windows.shard.page(at(2, 2), behind_ms=498_000))[0] == '0-10 2 {"n":1}'
    windows.count()
    assert windows.page() == ["await after 2", f"wake at {10_000 + LATE_MS}"]
    assert windows.at(500) == ['0-10 final {"n":2}']


def test_windows_are_aligned_to_multiples_of_their_length(script: Any) -> None:
    windows = Windows(script, tumbling_window_in_seconds=7)
    assert windows.page(at(1, 20))[0] == "14-21 1 {}"


def test_the_end_of_a_shard_ends_its_window(windows: Windows) -> None:
    assert windows.page(at(1, 1), ended=True) == ["0-10 1 {}"]
    assert windows.count() == ['0-10 final {"n":1}']
    assert windows.count() == ["save 1 finished", "finish"]


def test_a_state_over_a_megabyte_ends_the_window_early(windows: Windows) -> None:
    windows.page(at(1, 1), at(2, 2))
    large = b'"' + b"x" * (STATE_BYTES - 2) + b'"'
    windows.answer(large)
    assert windows.page(at(3, 3))[0].startswith("0-10 3 ")
    assert windows.answer(large + b" ")[0].endswith(" early")
    assert windows.shard.batches[-1].batch.window.final
    assert windows.count() == ["save 3"]
    # What comes in the rest of the window's time begins with nothing.
    assert windows.page(at(4, 4))[0] == "0-10 4 {}"


def test_an_answer_without_a_state_is_a_failure(windows: Windows) -> None:
    windows.page(at(1, 1))
    assert windows.answer(None) == ["wake at 200"]
    assert windows.at(0.2) == ["0-10 1 {}"]


def test_a_failed_batch_comes_again_with_the_same_state(windows: Windows) -> None:
    windows.page(at(1, 1))
    windows.count()
    windows.page(at(2, 2))
    windows.shard.error()
    assert windows.at(0.2) == ['0-10 2 {"n":1}']


def test_halves_of_a_batch_are_called_one_after_the_other(script: Any) -> None:
    windows = Windows(script, bisect_batch_on_function_error=True)
    windows.page(at(1, 1), at(2, 2))
    assert windows.lines(windows.shard.error()) == ["0-10 1 {}"]
    assert windows.count() == ['0-10 2 {"n":1}']


def test_records_that_were_reported_are_a_new_batch_of_the_window(windows: Windows) -> None:
    windows.page(at(1, 1), at(2, 2))
    failures = (m.Failure(2, "no good"),)
    told = windows.shard.tell(m.Answered(0, failures, 0, b'{"n":1}'))
    assert windows.lines(told) == ['0-10 2 {"n":1}']


def test_a_batch_that_is_given_up_leaves_the_window_open(script: Any) -> None:
    windows = Windows(script, maximum_retry_attempts=0)
    windows.page(at(1, 1))
    windows.count()
    windows.page(at(2, 2))
    windows.shard.error()
    windows.shard.kept()
    assert windows.at(11) == ['0-10 final {"n":1}']
    assert windows.count() == ["save 2"]


def test_a_last_call_that_failed_is_retried_and_given_up(script: Any) -> None:
    windows = Windows(script, maximum_retry_attempts=1)
    windows.page(at(1, 1), ended=True)
    windows.count()
    assert windows.shard.error() == ["wake at 200"]
    assert windows.at(0.2) == ['0-10 final {"n":1}']
    windows.shard.state, effects = step(windows.shard.state, m.Refused(0, "boom", 200))
    (discard,) = [effect for effect in effects if isinstance(effect, m.Discard)]
    document = msgspec.json.decode(on_failure_record(discard, "arn", 300))
    assert document["timeWindowInfo"] == {
        "window": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:10Z"},
        "isFinalInvokeForWindow": True,
        "isWindowTerminatedEarly": False,
    }
    assert document["DDBStreamBatchInfo"]["batchSize"] == 0
    assert windows.shard.kept() == ["save 1 finished", "finish"]


def test_the_end_of_a_window_does_not_wait_for_a_batching_window(script: Any) -> None:
    windows = Windows(script, maximum_batching_window_in_seconds=300)
    assert windows.page(at(1, 1)) == ["await after 1", "wake at 11000"]
    assert windows.page(at(2, 12))[0] == "0-10 1 {}"


def test_a_stopped_shard_begins_its_window_anew(windows: Windows) -> None:
    windows.page(at(1, 1))
    windows.count()
    assert windows.shard.stop() == ["wake at None", "stopped"]
    assert windows.shard.state.saved is None


def test_the_event_tells_of_the_window() -> None:
    window = TimeWindow(1_789_654_270_000, 1_789_654_280_000, b'{"n":1}', True, True)
    assert event_of(Batch("id", "stream", "shard", (), 1, window)) == {
        "Records": [],
        "shardId": "shard",
        "eventSourceARN": "stream",
        "window": {"start": "2026-09-17T14:11:10Z", "end": "2026-09-17T14:11:20Z"},
        "state": {"n": 1},
        "isFinalInvokeForWindow": True,
        "isWindowTerminatedEarly": True,
    }
    assert event_of(Batch("id", "stream", "shard", (), 1)) == {"Records": []}


def test_windows_are_refused_with_what_they_do_not_go_with() -> None:
    with pytest.raises(ValidationException, match="less than or equal to 900"):
        DeliverySettings(tumbling_window_in_seconds=901)
    with pytest.raises(InvalidParameterValueException):
        DeliverySettings(tumbling_window_in_seconds=1, parallelization_factor=2)
    chosen = DeliverySettings(tumbling_window_in_seconds=1)
    with pytest.raises(InvalidParameterValueException):
        check_windows(chosen, lambda event: bool(event), object())
    with pytest.raises(ConfigurationError):
        check_windows(chosen, None, object())


class World:
    """A shard whose function adds up what it is given, fails at random, and a crash now and then.
    `sums` has, for each window that was closed, what its last call was given."""

    def __init__(self, gaps_ms: list[int], batch_size: int, seed: int) -> None:
        self.chance = random.Random(seed)
        times = [sum(gaps_ms[: place + 1]) for place in range(len(gaps_ms))]
        self.records = [Record.of(n + 1, time, {}) for n, time in enumerate(times)]
        chosen = DeliverySettings(
            tumbling_window_in_seconds=1,
            batch_size=batch_size,
            bisect_batch_on_function_error=bool(seed % 2),
        )
        self.shard = Shard("arn", "shard", chosen, seed=seed)
        self.saved = Position()
        self.sums: dict[int, int] = {}

    def run(self) -> None:
        for most in [*(self.chance.randrange(1, 40) for _ in range(3)), 20_000]:
            if self.live(most):
                return
        raise AssertionError("the shard was not finished")

    def live(self, most: int) -> bool:
        state, event = begin(self.shard, self.saved), m.Started(0)
        now_ms, waiting, queue = 0, None, list[m.Effect]()
        following: m.Event = event
        for _ in range(most):
            state, effects = step(state, following)
            for effect in effects:
                match effect:
                    case m.Save(position):
                        assert (position.sequence or 0) >= (self.saved.sequence or 0)
                        self.saved = position
                    case m.WakeAt(at_ms):
                        waiting = at_ms
                    case m.Finish():
                        return True
                    case _:
                        queue.append(effect)
            if queue:
                following = self.answered(queue.pop(0), now_ms)
            else:
                assert waiting is not None
                now_ms, waiting = max(now_ms, waiting), None
                following = m.Ticked(now_ms)
        return False

    def answered(self, effect: m.Effect, now_ms: int) -> m.Event:
        if isinstance(effect, m.Read):
            start = effect.position.sequence or 0
            found = self.records[start : start + self.chance.randrange(0, 6)]
            ended = start + len(found) == len(self.records)
            return m.PageRead(ShardPage(found, ended, 1), now_ms)
        assert isinstance(effect, m.Invoke)
        batch = effect.batch
        window = batch.window
        assert window is not None
        assert window.end_ms - window.start_ms == 1000
        assert not window.start_ms % 1000
        assert all(window.start_ms <= r.created_ms < window.end_ms for r in batch.records)
        assert bool(batch.records) != window.final
        if self.chance.random() < 0.3:
            return m.Refused(effect.lane, "boom", now_ms)
        before = msgspec.json.decode(window.state).get("sum", 0)
        if window.final:
            self.sums[window.start_ms] = before
            return m.Answered(effect.lane, (), now_ms)
        total = before + sum(record.sequence for record in batch.records)
        return m.Answered(effect.lane, (), now_ms, msgspec.json.encode({"sum": total}))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 700), min_size=1, max_size=25),
    st.integers(1, 5),
    st.integers(0, 2**32),
)
def test_each_window_is_closed_with_the_sum_of_exactly_its_records(
    gaps_ms: list[int], batch_size: int, seed: int
) -> None:
    world = World(gaps_ms, batch_size, seed)
    world.run()
    sums: dict[int, int] = {}
    for record in world.records:
        start = record.created_ms // 1000 * 1000
        sums[start] = sums.get(start, 0) + record.sequence
    assert world.sums == sums
    assert world.saved.finished
