"""Consumers' counts come out as Prometheus reads them."""

from __future__ import annotations

import re

import msgspec

from tailrace.delivery.metrics import exposition
from tailrace.delivery.progress import Progress

PROGRESS = Progress(
    records=7,
    read=9,
    filtered=1,
    batches=3,
    errors=2,
    retries=1,
    discarded=1,
    gaps=0,
    in_hand=0,
    behind_ms=123_456_789,
    shards_running=4,
    shards_waiting=0,
    shards_finished=2,
    result="OK",
    error="",
    batched=8,
    checkpoint_age_ms=250,
)
SAMPLE = re.compile(r'^tailrace_\w+(\{(\w+="([^"\\\n]|\\.)*",?)*\})? -?\d+(\.\d+)?$')


def test_every_line_is_a_comment_or_a_sample_of_a_metric_declared_before() -> None:
    rows = [({"group": "a"}, PROGRESS), ({"group": 'b"\\\n'}, PROGRESS), ({}, PROGRESS)]
    declared: set[str] = set()
    for line in exposition(rows).splitlines():
        if line.startswith("#"):
            kind, name = line.split()[1:3]
            assert kind in ("HELP", "TYPE")
            declared.add(name)
        else:
            assert SAMPLE.match(line), line
            name = re.split(r"[{ ]", line)[0]
            assert name in declared or name.rpartition("_")[0] in declared


def test_values_are_exact() -> None:
    lines = exposition([({"group": "a"}, PROGRESS)]).splitlines()
    assert 'tailrace_records_total{group="a"} 7' in lines
    assert 'tailrace_iterator_age_seconds{group="a"} 123456.789' in lines
    assert 'tailrace_checkpoint_age_seconds{group="a"} 0.25' in lines
    assert 'tailrace_batch_records_sum{group="a"} 8' in lines
    assert 'tailrace_batch_records_count{group="a"} 3' in lines


def test_without_consumers_there_are_no_samples() -> None:
    assert all(line.startswith("#") for line in exposition([]).splitlines())


def test_every_count_is_told() -> None:
    fresh = dict.fromkeys(Progress.__struct_fields__, 0) | {"result": "", "error": ""}
    nothing = exposition([({}, msgspec.convert(fresh, Progress))])
    for name in set(Progress.__struct_fields__) - {"result", "error"}:
        one = msgspec.convert({**fresh, name: 4000}, Progress)
        assert exposition([({}, one)]) != nothing, name
