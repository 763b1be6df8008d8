"""What a run found: samples by measure and server, and what could not be measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["MEASURES", "Measure", "Results"]


@dataclass(frozen=True)
class Measure:
    """A thing that is measured. `digits` is how many decimals are worth printing."""

    name: str
    title: str
    unit: str
    digits: int = 0


MEASURES: Sequence[Measure] = (
    Measure("put", "PutItem, stream on", "put/s"),
    Measure("put_p50", "  latency p50", "ms", 2),
    Measure("put_p99", "  latency p99", "ms", 2),
    Measure("put_p999", "  latency p99.9", "ms", 2),
    Measure("put_stream_off", "PutItem, stream off", "put/s"),
    Measure("get", "GetItem", "get/s"),
    Measure("get_p50", "  latency p50", "ms", 2),
    Measure("get_p99", "  latency p99", "ms", 2),
    Measure("read_mb", "GetRecords over HTTP, one reader", "MB/s", 1),
    Measure("read_records", "  records", "records/s"),
    Measure("log_mb", "Change log read in the process", "MB/s", 1),
    Measure("log_records", "  records", "records/s"),
    Measure("flat_start", "PutItem, table and stream small", "put/s"),
    Measure("flat_end", "PutItem, table and stream grown", "put/s"),
    Measure("flat_records", "  records by then", "records"),
    Measure("flat_memory", "  resident memory then", "MB", 1),
    Measure("trim_before_max", "  PutItem latency then, longest", "ms", 1),
    Measure("trim_before_p999", "  p99.9", "ms", 1),
    Measure("trim_during_max", "while all are trimmed, longest", "ms", 1),
    Measure("trim_during_p999", "  p99.9", "ms", 1),
    Measure("trim_put", "  PutItem meanwhile", "put/s"),
    Measure("trim_records", "  records trimmed", "records/s"),
    Measure("put_alone", "PutItem without readers", "put/s"),
    Measure("put_with_readers", "PutItem with ten readers at the tip", "put/s"),
    Measure("readers_records", "  records read by all ten", "records/s"),
    Measure("delivery_p50", "PutItem acknowledged to handler called, p50", "ms", 2),
    Measure("delivery_p99", "  p99", "ms", 2),
    Measure("drain", "Backlog through a handler, batches of 1000", "records/s"),
    Measure("start", "Start to first answer", "s", 2),
    Measure("idle_memory", "Idle memory", "MB", 1),
)


@dataclass
class Results:
    """Samples of MEASURES in the order they were taken, and what went wrong, by job."""

    samples: dict[str, dict[str, list[float]]] = field(
        default_factory=dict[str, dict[str, list[float]]]
    )
    failures: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, measure: str, server: str, value: float) -> None:
        if all(known.name != measure for known in MEASURES):
            raise KeyError(measure)
        self.samples.setdefault(measure, {}).setdefault(server, []).append(value)

    def median(self, measure: str, server: str) -> float | None:
        """The median of all samples, or None when there are none."""
        taken = self.samples.get(measure, {}).get(server)
        return statistics.median(taken) if taken else None
