"""Consumers' counts in the text form of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from tailrace.delivery.progress import Progress

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class _Metric(msgspec.Struct, frozen=True):
    name: str
    kind: str
    help: str
    value: Callable[[Progress], float]


_METRICS: Final = (
    _Metric("records_total", "counter", "Records handled.", lambda p: p.records),
    _Metric("records_read_total", "counter", "Records read from the stream.", lambda p: p.read),
    _Metric(
        "records_filtered_total",
        "counter",
        "Records that the filter passed over.",
        lambda p: p.filtered,
    ),
    _Metric(
        "records_dropped_total", "counter", "Records given up for good.", lambda p: p.discarded
    ),
    _Metric(
        "gaps_total",
        "counter",
        "Times that records were trimmed before they were read.",
        lambda p: p.gaps,
    ),
    _Metric("errors_total", "counter", "Errors of calls and of the receiver.", lambda p: p.errors),
    _Metric("retries_total", "counter", "Batches handed over again.", lambda p: p.retries),
    _Metric("records_in_hand", "gauge", "Records read and not handled.", lambda p: p.in_hand),
    _Metric(
        "iterator_age_seconds",
        "gauge",
        "Age of the oldest record that is not handled.",
        lambda p: p.behind_ms / 1000,
    ),
    _Metric(
        "checkpoint_age_seconds",
        "gauge",
        "How long the oldest checkpoint that is to be kept has waited.",
        lambda p: p.checkpoint_age_ms / 1000,
    ),
    _Metric(
        "held_seconds",
        "gauge",
        "Age of the oldest record kept beyond its retention for this consumer.",
        lambda p: p.held_ms / 1000,
    ),
    _Metric("shards_running", "gauge", "Shards that are being read.", lambda p: p.shards_running),
    _Metric(
        "shards_waiting",
        "gauge",
        "Shards that wait for their parents.",
        lambda p: p.shards_waiting,
    ),
    _Metric(
        "shards_finished_total",
        "counter",
        "Shards handled to their end.",
        lambda p: p.shards_finished,
    ),
)


def exposition(consumers: Iterable[tuple[Mapping[str, str], Progress]]) -> str:
    """The metrics of consumers, each with its labels."""
    rows = [(_labels(labels), progress) for labels, progress in consumers]
    lines: list[str] = []
    for metric in _METRICS:
        lines += _head(metric.name, metric.kind, metric.help)
        lines += [
            f"tailrace_{metric.name}{labels} {metric.value(progress)}" for labels, progress in rows
        ]
    lines += _head("batch_records", "summary", "Records in each batch handed over.")
    for labels, progress in rows:
        lines.append(f"tailrace_batch_records_sum{labels} {progress.batched}")
        lines.append(f"tailrace_batch_records_count{labels} {progress.batches}")
    return "\n".join(lines) + "\n"


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP tailrace_{name} {text}", f"# TYPE tailrace_{name} {kind}"]


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
