"""What is measured, in one table: Prometheus reads it as text (exposition format 0.0.4),
`tailrace.delivery.telemetry` makes instruments of OpenTelemetry of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from tailrace.delivery.function_counts import FunctionCounts
from tailrace.delivery.progress import Progress

__all__ = ["CONTENT_TYPE", "METRICS", "Counts", "Measured", "Metric", "exposition"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Counts: TypeAlias = Progress | FunctionCounts
# The labels of those that count, and where each stands.
Measured: TypeAlias = Iterable[tuple[Mapping[str, str], Counts]]


class Metric(msgspec.Struct, frozen=True):
    """A measure. `kind` is `counter` for what only grows, `level` for what can be added up over
    processes, `gauge` for what cannot. `name` is OpenTelemetry's, `unit` UCUM's, as its semantic
    conventions have them; `prometheus` is the name there where it does not follow from that."""

    name: str
    kind: str
    unit: str
    help: str
    value: Callable[[Any], float]
    prometheus: str | None = None

    @property
    def prometheus_name(self) -> str:
        """The name as the compatibility of OpenTelemetry and Prometheus spells it: underscores, the
        unit when it is one of measure, `_total` for a counter."""
        if self.prometheus is not None:
            return self.prometheus
        unit = "_seconds" if self.unit == "s" else ""
        total = "_total" if self.kind == "counter" else ""
        return self.name.replace(".", "_") + unit + total


_CONSUMER: Final[tuple[Metric, ...]] = (
    Metric(
        "messaging.client.consumed.messages",
        "counter",
        "{message}",
        "Records handled.",
        lambda p: p.records,
        prometheus="tailrace_records_total",
    ),
    Metric(
        "tailrace.records.read",
        "counter",
        "{record}",
        "Records read from the stream.",
        lambda p: p.read,
    ),
    Metric(
        "tailrace.records.filtered",
        "counter",
        "{record}",
        "Records that the filter passed over.",
        lambda p: p.filtered,
    ),
    Metric(
        "tailrace.records.dropped",
        "counter",
        "{record}",
        "Records given up for good.",
        lambda p: p.discarded,
    ),
    Metric(
        "tailrace.gaps",
        "counter",
        "{gap}",
        "Times that records were trimmed before they were read.",
        lambda p: p.gaps,
    ),
    Metric(
        "tailrace.errors",
        "counter",
        "{error}",
        "Errors of calls and of the receiver.",
        lambda p: p.errors,
    ),
    Metric(
        "tailrace.retries", "counter", "{batch}", "Batches handed over again.", lambda p: p.retries
    ),
    Metric(
        "tailrace.records.in_hand",
        "level",
        "{record}",
        "Records read and not handled.",
        lambda p: p.in_hand,
    ),
    Metric(
        "tailrace.iterator_age",
        "gauge",
        "s",
        "Age of the oldest record that is not handled.",
        lambda p: p.behind_ms / 1000,
    ),
    Metric(
        "tailrace.checkpoint_age",
        "gauge",
        "s",
        "How long the oldest checkpoint that is to be kept has waited.",
        lambda p: p.checkpoint_age_ms / 1000,
    ),
    Metric(
        "tailrace.held",
        "gauge",
        "s",
        "Age of the oldest record kept beyond its retention for this consumer.",
        lambda p: p.held_ms / 1000,
    ),
    Metric(
        "tailrace.shards.running",
        "level",
        "{shard}",
        "Shards that are being read.",
        lambda p: p.shards_running,
    ),
    Metric(
        "tailrace.leases.held",
        "level",
        "{lease}",
        "Leases that the worker holds, in a group.",
        lambda p: p.leases,
    ),
    Metric(
        "tailrace.shards.waiting",
        "level",
        "{shard}",
        "Shards that wait for their parents.",
        lambda p: p.shards_waiting,
    ),
    Metric(
        "tailrace.shards.spooled",
        "level",
        "{shard}",
        "Shards whose next records are in a spool.",
        lambda p: p.shards_spooled,
    ),
    Metric(
        "tailrace.shards.finished",
        "counter",
        "{shard}",
        "Shards handled to their end.",
        lambda p: p.shards_finished,
    ),
    # A summary to Prometheus; its two parts are counters each.
    Metric(
        "tailrace.batch.records",
        "counter",
        "{record}",
        "Records in each batch handed over.",
        lambda p: p.batched,
        prometheus="tailrace_batch_records_sum",
    ),
    Metric(
        "tailrace.batch.count",
        "counter",
        "{batch}",
        "Batches handed over: invocations, of a function.",
        lambda p: p.batches,
        prometheus="tailrace_batch_records_count",
    ),
)

_FUNCTION: Final[tuple[Metric, ...]] = (
    Metric(
        "faas.invocations",
        "counter",
        "{invocation}",
        "Calls of the function that were made.",
        lambda f: f.invocations,
        prometheus="tailrace_function_invocations_total",
    ),
    Metric(
        "faas.errors",
        "counter",
        "{error}",
        "Calls that failed, those that took too long among them.",
        lambda f: f.errors,
        prometheus="tailrace_function_errors_total",
    ),
    Metric(
        "faas.timeouts",
        "counter",
        "{timeout}",
        "Calls that took too long.",
        lambda f: f.timeouts,
        prometheus="tailrace_function_timeouts_total",
    ),
    Metric(
        "tailrace.function.throttles",
        "counter",
        "{invocation}",
        "Calls that were refused because too many were under way.",
        lambda f: f.throttles,
    ),
    Metric(
        "tailrace.function.duration",
        "counter",
        "s",
        "Time that calls took, the wait for a process included, all together.",
        lambda f: f.duration_s,
    ),
    Metric(
        "tailrace.function.running",
        "level",
        "{invocation}",
        "Calls under way.",
        lambda f: f.running,
    ),
    Metric(
        "tailrace.function.events.received",
        "counter",
        "{event}",
        "Asynchronous invocations accepted.",
        lambda f: f.events_received,
    ),
    Metric(
        "tailrace.function.events.dropped",
        "counter",
        "{event}",
        "Asynchronous invocations given up.",
        lambda f: f.events_dropped,
    ),
    Metric(
        "tailrace.function.events.undelivered",
        "counter",
        "{event}",
        "Outcomes of asynchronous invocations that no destination took.",
        lambda f: f.events_undelivered,
    ),
    Metric(
        "tailrace.function.events.waiting",
        "level",
        "{event}",
        "Asynchronous invocations that are not done.",
        lambda f: f.events_waiting,
    ),
)

# Those that count, by what they count.
METRICS: Final[Mapping[type, tuple[Metric, ...]]] = {
    Progress: _CONSUMER,
    FunctionCounts: _FUNCTION,
}
_SUMMARY: Final = "tailrace_batch_records"


def exposition(measured: Measured) -> str:
    """The metrics of consumers and functions, each with its labels."""
    rows = [(_labels(labels), counts) for labels, counts in measured]
    lines: list[str] = []
    for kind, metrics in METRICS.items():
        own = [(labels, counts) for labels, counts in rows if isinstance(counts, kind)]
        if not own and kind is not Progress:
            continue
        for metric in metrics:
            name = metric.prometheus_name
            lines += _head(metric)
            lines += [f"{name}{labels} {metric.value(counts)}" for labels, counts in own]
    return "\n".join(lines) + "\n"


def _head(metric: Metric) -> list[str]:
    name, kind = metric.prometheus_name, "counter" if metric.kind == "counter" else "gauge"
    if name.startswith(_SUMMARY):
        if name.endswith("_count"):
            return []  # told with the sum
        name, kind = _SUMMARY, "summary"
    return [f"# HELP {name} {metric.help}", f"# TYPE {name} {kind}"]


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
