"""The task of one shard: feeds its machine events and performs the effects.

Reads, invocations and on-failure records are tasks of their own, so that a slow one holds nobody
else up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import msgspec

from tailrace.delivery import messages as m
from tailrace.delivery.dead_letters import dead_letters
from tailrace.delivery.machine import begin, step
from tailrace.delivery.on_failure import on_failure_record
from tailrace.delivery.ports import (
    Batch,
    DeadLetters,
    FailureDestination,
    Position,
    RecordsLost,
    Sink,
    SinkUnavailable,
    Source,
    WindowAnswer,
    WindowedSink,
)
from tailrace.delivery.saver import told
from tailrace.delivery.state import Reading, Shard, ShardState
from tailrace.errors import ResourceNotFoundException, TrimmedDataAccessException

__all__ = ["Host", "RunnerOptions", "ShardDriver"]

# An idle shard is read now and then all the same: iterators live for 15 minutes.
IDLE_READ_S: Final = 300.0

_log = logging.getLogger(__name__)


class RunnerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a consumer does besides its delivery settings. `accept` is its filter; `function_arn`
    names the receiver in on-failure records; `dead_letters` gets single records that were given up,
    `on_failure` their batches; `grace_s` is how long stopping waits for batches in
    hand, and then for the checkpoints."""

    accept: Callable[[dict[str, Any]], bool] | None = None
    on_failure: FailureDestination | None = None
    dead_letters: DeadLetters | None = None
    function_arn: str = ""
    checkpoint_interval_s: float = 1.0
    discovery_interval_s: float = 30.0
    grace_s: float = 10.0


class Host(Protocol):
    """What a shard's task needs of the runner. `probe` counts the calls of `caught_up`."""

    source: Source
    sink: Sink
    options: RunnerOptions
    probe: int

    def now_ms(self) -> int: ...

    def save(self, shard_id: str, position: Position) -> None:
        """Keep a position soon."""
        ...

    async def flush(self) -> None:
        """Keep all positions now."""
        ...

    def lost(self, shard_id: str, reason: str) -> None:
        """Records were lost, and delivery goes on."""
        ...

    def fail(self, reason: str) -> None:
        """End the consumer: records were lost."""
        ...

    def progressed(self) -> None:
        """A shard took a step."""
        ...


class ShardDriver:
    """Feeds one shard's machine and does what it asks for."""

    def __init__(self, host: Host, shard: Shard, position: Position) -> None:
        self.state: ShardState = begin(shard, position)
        self.task: asyncio.Task[Position] | None = None
        self._host = host
        self._shard_id = shard.shard_id
        self._position = position
        self._inbox: asyncio.Queue[m.Event] = asyncio.Queue()
        self._tasks: set[asyncio.Task[m.Event]] = set()
        self._reader: asyncio.Task[m.Event] | None = None
        self._read: m.Read | None = None
        self._waiting = False
        self._read_probe = -1
        self._seen_tip = -1
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self._halting = False

    async def drive(self) -> Position:
        """Run the shard until it is finished, stopped or halted; where it stands then."""
        self._inbox.put_nowait(m.Started(self._host.now_ms()))
        try:
            while not self._over:
                event = await self._inbox.get()
                self.state, effects = step(self.state, event)
                if isinstance(event, m.PageRead) and event.page.behind_ms == 0:
                    self._seen_tip = self._read_probe
                for effect in effects:
                    self._perform(effect)
                self._host.progressed()
            if self._position.finished:
                # Children must not start before this is durable: should the process end, their
                # records would come before the rest of their parent's.
                await self._host.flush()
        finally:
            self.abandon_work()
        return self._position

    @property
    def position(self) -> Position:
        """Up to where all is handled."""
        return self._position

    def halt(self) -> None:
        """Begin nothing new. Once is enough, more often does no harm."""
        if self._halting:
            return
        self._halting = True
        if self._reader is not None:
            self._reader.cancel()
        self._inbox.put_nowait(m.Stop(self._host.now_ms()))

    def abandon(self) -> None:
        """Drop everything that is still in hand."""
        if self.task is not None:
            self.task.cancel()

    def abandon_work(self) -> None:
        """Cancel what was asked for and did not come."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def look(self) -> None:
        """Read now, should the shard be waiting for a change."""
        if self._waiting and self._reader is not None and self._read is not None:
            self._reader.cancel()
            self._perform(self._read)

    def is_caught_up(self, target: int) -> bool:
        """Whether a read that began after probe `target` reached the tip, and all is handled."""
        if self.state.reading in (Reading.ENDED, Reading.OVER):
            return False
        return self._seen_tip >= target and not self.state.in_hand

    def _perform(self, effect: m.Effect) -> None:
        match effect:
            case m.Read():
                self._read = effect
                self._reader = self._spawn(self._do_read(effect))
            case m.Invoke():
                self._spawn(self._do_invoke(effect))
            case m.Discard():
                self._spawn(self._do_discard(effect))
            case m.Save(position):
                self._position = position
                self._host.save(self._shard_id, position)
            case m.WakeAt(at_ms):
                self._wake_at(at_ms)
            case m.Lost(reason):
                _log.warning("records of %s were lost: %s", self._shard_id, reason)
                self._host.lost(self._shard_id, reason)
            case m.Halt(reason):
                self._over = True
                self._host.fail(f"{self._shard_id}: {reason}")
            case m.Finish() | m.Stopped():
                self._over = True

    def _spawn(self, work: Coroutine[Any, Any, m.Event]) -> asyncio.Task[m.Event]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._came_back)
        return task

    def _came_back(self, task: asyncio.Task[m.Event]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._inbox.put_nowait(task.result())

    def _wake_at(self, at_ms: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at_ms is not None:
            delay_s = max(at_ms - self._host.now_ms(), 0) / 1000
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._inbox.put_nowait(m.Ticked(self._host.now_ms()))

    async def _do_read(self, effect: m.Read) -> m.Event:
        source, host = self._host.source, self._host
        try:
            if effect.wait and self._seen_tip >= host.probe:
                self._waiting = True
                try:
                    await source.changed(self._shard_id, IDLE_READ_S)
                finally:
                    self._waiting = False
            self._read_probe = host.probe
            page = await source.read(self._shard_id, effect.position, effect.max_records)
        except TrimmedDataAccessException as error:
            return m.ReadFailed(m.ReadProblem.TRIMMED, told(error), host.now_ms())
        except RecordsLost as error:
            return m.ReadFailed(m.ReadProblem.LOST, told(error), host.now_ms())
        except ResourceNotFoundException as error:
            return m.ReadFailed(m.ReadProblem.GONE, told(error), host.now_ms())
        except Exception as error:
            return m.ReadFailed(m.ReadProblem.PASSING, told(error), host.now_ms())
        return m.PageRead(page, host.now_ms())

    async def _do_invoke(self, effect: m.Invoke) -> m.Event:
        try:
            answer = await self._hand_over(effect.batch)
        except SinkUnavailable as error:
            return m.Unavailable(effect.lane, told(error), self._host.now_ms())
        except Exception as error:
            return m.Refused(effect.lane, told(error), self._host.now_ms())
        return m.Answered(effect.lane, tuple(answer.failures), self._host.now_ms(), answer.state)

    async def _hand_over(self, batch: Batch) -> WindowAnswer:
        sink = self._host.sink
        if batch.window is None:
            return WindowAnswer(await sink.write(batch), None)
        assert isinstance(sink, WindowedSink)  # `check_windows` saw to it
        return await sink.write_window(batch)

    async def _do_discard(self, effect: m.Discard) -> m.Event:
        options, now_ms = self._host.options, self._host.now_ms()
        if options.on_failure is None and options.dead_letters is None:
            count, why = len(effect.batch.records), effect.condition.value
            _log.warning("%d records of %s were given up: %s", count, self._shard_id, why)
        try:
            if options.dead_letters is not None:
                await options.dead_letters.keep(dead_letters(effect, now_ms))
            if options.on_failure is not None:
                document = on_failure_record(effect, options.function_arn, now_ms)
                await options.on_failure.send(document, effect.batch)
        except Exception as error:
            return m.DiscardFailed(effect.lane, told(error), self._host.now_ms())
        return m.Discarded(effect.lane, self._host.now_ms())
