"""Counts come out as OpenTelemetry's instruments: those that Prometheus reads, when collected."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tailrace.delivery import telemetry
from tailrace.delivery.function_counts import FunctionCounts
from tailrace.delivery.metrics import METRICS, exposition
from tailrace.delivery.progress import Progress
from tailrace.delivery.telemetry import observe_metrics

NUMBERS = {
    field: number
    for number, field in enumerate(Progress.__struct_fields__, 1)
    if field not in ("result", "error")
}
PROGRESS = Progress(**NUMBERS, result="OK", error="")
COUNTS = FunctionCounts(
    **{field: number for number, field in enumerate(FunctionCounts.__struct_fields__, 101)}
)
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/x"
LABELS = {"kind": "mapping", "consumer": "f", "stream": STREAM, "uuid": "u"}


class Collected:
    """A meter provider, and what a collection of it finds."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])

    def metrics(self) -> dict[str, Any]:
        data: Any = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[tuple[float, Mapping[str, str]]]:
        """Values and attributes of a metric."""
        metric = self.metrics().get(name)
        if metric is None:
            return []
        return [(point.value, dict(point.attributes)) for point in metric.data.data_points]

    def close(self) -> None:
        self.provider.shutdown()
        telemetry._instruments.pop(self.provider, None)


@pytest.fixture
def collected() -> Iterator[Collected]:
    made = Collected()
    yield made
    made.close()


def test_all_metrics_are_those_of_prometheus(collected: Collected) -> None:
    measured = [(LABELS, PROGRESS), ({"function": "f"}, COUNTS)]
    observe_metrics(lambda: measured, provider=collected.provider)
    found = collected.metrics()
    declared = {metric.name: metric for metrics in METRICS.values() for metric in metrics}
    assert found.keys() == declared.keys()
    text = exposition(measured)
    for name, metric in declared.items():
        (point,) = found[name].data.data_points
        assert (found[name].unit, found[name].description) == (metric.unit, metric.help)
        assert f"{metric.prometheus_name}{{" in text
        samples = [
            line for line in text.splitlines() if line.startswith(f"{metric.prometheus_name}{{")
        ]
        assert [float(sample.rpartition(" ")[2]) for sample in samples] == [point.value]
        is_sum = hasattr(found[name].data, "is_monotonic")
        assert is_sum == (metric.kind != "gauge")
        assert not is_sum or found[name].data.is_monotonic == (metric.kind == "counter")


def test_no_two_metrics_have_the_same_name() -> None:
    declared = [metric for metrics in METRICS.values() for metric in metrics]
    assert len({metric.name for metric in declared}) == len(declared)
    assert len({metric.prometheus_name for metric in declared}) == len(declared)


def test_labels_have_the_names_of_the_conventions(collected: Collected) -> None:
    observe_metrics(lambda: [(LABELS, PROGRESS)], provider=collected.provider)
    ((value, attributes),) = collected.points("tailrace.iterator_age")
    assert value == PROGRESS.behind_ms / 1000
    assert attributes == {
        "tailrace.consumer.kind": "mapping",
        "messaging.consumer.group.name": "f",
        "messaging.destination.name": STREAM,
        "messaging.system": "aws_dynamodb",
        "tailrace.mapping.uuid": "u",
    }


def test_each_collection_measures_once(collected: Collected) -> None:
    calls: list[int] = []

    def measure() -> Any:
        calls.append(1)
        return [({"function": "f"}, FunctionCounts(invocations=len(calls)))]

    stop = observe_metrics(measure, provider=collected.provider)
    assert [collected.points("faas.invocations")[0][0] for _ in range(3)] == [1, 2, 3]
    assert len(calls) == 3
    stop()
    assert collected.metrics() == {}
    assert len(calls) == 3


def test_several_are_observed_together(collected: Collected) -> None:
    for name in "ab":
        row = ({"function": name}, FunctionCounts(running=1))
        observe_metrics(lambda row=row: [row], provider=collected.provider)
    names = {
        attributes["faas.invoked_name"]
        for _, attributes in collected.points("tailrace.function.running")
    }
    assert names == {"a", "b"}


def test_counts_are_taken_on_their_loop(collected: Collected) -> None:
    threads: list[int] = []

    def measure() -> Any:
        threads.append(threading.get_ident())
        return [({"function": "f"}, COUNTS)]

    async def main() -> None:
        observe_metrics(measure, asyncio.get_running_loop(), collected.provider)
        assert await asyncio.to_thread(collected.points, "faas.errors")
        assert collected.points("faas.errors")  # on the loop itself it must not wait for the loop

    asyncio.run(main())
    assert threads == [threading.get_ident()] * 2
    assert collected.points("faas.errors") == []  # the loop has ended


def test_a_loop_without_time_is_not_waited_for_long(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "COLLECT_TIMEOUT_S", 0.0)

    async def main() -> None:
        observe_metrics(lambda: [({}, COUNTS)], asyncio.get_running_loop(), collected.provider)
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(collected.metrics()))
        thread.start()
        thread.join()  # holds the loop up
        assert found == [{}]

    asyncio.run(main())


def test_nothing_is_imported_before_it_is_needed() -> None:
    code = "import sys, tailrace.app, tailrace.consumer; print('opentelemetry' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_without_opentelemetry_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setattr(telemetry, "_instruments", {})
    stop = observe_metrics(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    stop()
    assert telemetry._instruments == {}
