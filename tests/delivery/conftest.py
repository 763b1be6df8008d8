"""How the tests of the delivery machine tell it events and read its effects, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.delivery import messages as m
from tailrace.delivery.machine import Shard, ShardState, begin, step
from tailrace.delivery.ports import Failure, Position, Record, ShardPage
from tailrace.delivery.settings import DeliverySettings

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/2026-09-17T14:11:10.000"
SHARD = "shardId-00000001789651658000-0000abcd"


def record(sequence: int, *, at_ms: int = 0, size: int = 100, key: str = "k") -> Record:
    event = {
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"pk": {"S": key}}, "SequenceNumber": str(sequence)},
    }
    made = Record.of(sequence, at_ms, event)
    return Record(sequence, at_ms, size, made.data)


class Script:
    """A shard's delivery driven by hand. Each call tells the machine one event and gives its
    effects as short readable lines."""

    def __init__(
        self, position: Position | None = None, *, accept: Any = None, **settings: Any
    ) -> None:
        shard = Shard(ARN, SHARD, DeliverySettings(**settings), seed=7, accept=accept)
        self.state: ShardState = begin(shard, position or Position())
        self.now_ms = 0
        self.effects: list[m.Effect] = []
        self.batches: list[m.Invoke] = []
        self.discards: list[m.Discard] = []

    def tell(self, event: m.Event) -> list[str]:
        self.state, self.effects = step(self.state, event)
        self.batches += [e for e in self.effects if isinstance(e, m.Invoke)]
        self.discards += [e for e in self.effects if isinstance(e, m.Discard)]
        return [line(effect) for effect in self.effects]

    def start(self) -> list[str]:
        return self.tell(m.Started(self.now_ms))

    def page(self, *sequences: int | Record, ended: bool = False, behind_ms: int = 0) -> list[str]:
        records = [s if isinstance(s, Record) else record(s) for s in sequences]
        return self.tell(m.PageRead(ShardPage(records, ended, behind_ms), self.now_ms))

    def ok(self, lane: int = 0) -> list[str]:
        return self.tell(m.Answered(lane, (), self.now_ms))

    def failed_at(self, *sequences: int, lane: int = 0) -> list[str]:
        failures = tuple(Failure(sequence, "no good") for sequence in sequences)
        return self.tell(m.Answered(lane, failures, self.now_ms))

    def error(self, lane: int = 0) -> list[str]:
        return self.tell(m.Refused(lane, "boom", self.now_ms))

    def busy(self, lane: int = 0) -> list[str]:
        return self.tell(m.Unavailable(lane, "throttled", self.now_ms))

    def kept(self, lane: int = 0) -> list[str]:
        return self.tell(m.Discarded(lane, self.now_ms))

    def at(self, now_ms: int) -> list[str]:
        self.now_ms = now_ms
        return self.tell(m.Ticked(now_ms))

    def unread(self, problem: m.ReadProblem) -> list[str]:
        return self.tell(m.ReadFailed(problem, "no read", self.now_ms))

    def stop(self) -> list[str]:
        return self.tell(m.Stop(self.now_ms))


def span(records: Sequence[Record]) -> str:
    if not records:
        return "nothing"
    first, last = records[0].sequence, records[-1].sequence
    return str(first) if first == last else f"{first}..{last}"


def line(effect: m.Effect) -> str:
    """One effect in a few words."""
    match effect:
        case m.Read(position, _, wait):
            place = "start" if position.sequence is None else str(position.sequence)
            return f"{'await' if wait else 'read'} after {'tip' if position.latest else place}"
        case m.Invoke(lane, batch):
            where = f" lane {lane}" if lane else ""
            return f"invoke {span(batch.records)} #{batch.attempt}{where}"
        case m.Discard(lane, batch, condition, invocations, _):
            return f"discard {span(batch.records)} {condition.value} after {invocations}"
        case m.WakeAt(at_ms):
            return f"wake at {at_ms}"
        case m.Save(position):
            return f"save {position.sequence}" + (" finished" if position.finished else "")
        case m.Lost(reason) | m.Halt(reason):
            return f"{type(effect).__name__.lower()}: {reason}"
        case _:
            return type(effect).__name__.lower()


@pytest.fixture
def script() -> type[Script]:
    return Script
