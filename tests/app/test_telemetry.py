"""What a server's functions count is OpenTelemetry's to collect while it runs."""

from __future__ import annotations

import functools
import io
import json
import time
import zipfile
from typing import Any

import boto3
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tailrace.app import Tailrace, tailrace
from tailrace.delivery.telemetry import observe_metrics
from tailrace.settings import Settings

CODE = """
def handler(event, context):
    if event == "fail":
        raise ValueError("no")
"""
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


def collected(reader: InMemoryMetricReader) -> dict[str, Any]:
    """The values of metrics of the function."""
    data: Any = reader.get_metrics_data()
    if data is None:
        return {}
    found: dict[str, Any] = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            if point.attributes == {"faas.invoked_name": ARN}:
                found[metric.name] = point.value
    return found


def until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_functions_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    observe = functools.partial(observe_metrics, provider=provider)
    monkeypatch.setattr(tailrace, "observe_metrics", observe)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", CODE)
    with Tailrace(Settings(port=0)) as running:
        functions: Any = boto3.client(
            "lambda",
            endpoint_url=running.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        functions.create_function(
            FunctionName="f",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="index.handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=20,
        )
        for event in ("fine", "fail"):
            functions.invoke(FunctionName="f", Payload=json.dumps(event))
        functions.invoke(FunctionName="f", InvocationType="Event", Payload=b"1")
        until(lambda: collected(reader).get("faas.invocations") == 3)
        until(lambda: collected(reader)["tailrace.function.events.waiting"] == 0)
        found = collected(reader)
        assert (found["faas.errors"], found["faas.timeouts"]) == (1, 0)
        assert found["tailrace.function.events.received"] == 1
        assert found["tailrace.function.duration"] > 0
        assert found["tailrace.function.running"] == 0
    assert collected(reader) == {}
    provider.shutdown()
