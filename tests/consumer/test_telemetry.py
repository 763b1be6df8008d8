"""A consumer's counts are OpenTelemetry's to collect while it runs."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tailrace.consumer import Consumer, consumer
from tailrace.delivery.telemetry import observe_metrics


def collected(reader: InMemoryMetricReader) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Value and attributes of each metric of one consumer."""
    data: Any = reader.get_metrics_data()
    if data is None:
        return {}
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    points = {metric.name: metric.data.data_points for metric in metrics}
    return {name: (point.value, dict(point.attributes)) for name, (point,) in points.items()}


def test_a_consumer_is_measured(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    observe = functools.partial(observe_metrics, provider=provider)
    monkeypatch.setattr(consumer, "observe_metrics", observe)

    async def test(tables: Any) -> None:
        await tables.make("observed")
        await tables.put("observed", "a", "b", "c")
        options = {**tables.quick, "endpoint_url": tables.endpoint_url}

        async def handle(changes: Any) -> None: ...

        async with Consumer("observed", group="observers", handler=handle, **options) as running:
            await running.caught_up()
            found = await asyncio.to_thread(collected, reader)
            handled, attributes = found["messaging.client.consumed.messages"]
            assert (handled, found["tailrace.records.dropped"][0]) == (3, 0)
            assert found["tailrace.shards.running"][0] == 4
            assert found["tailrace.leases.held"][0] == 4
            assert attributes == {
                "tailrace.consumer.kind": "group",
                "messaging.consumer.group.name": "observers",
                "messaging.client.id": running.worker,
            }
        assert collected(reader) == {}

    play(test)
    provider.shutdown()
