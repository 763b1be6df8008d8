"""Queues and buckets at an endpoint of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.queues_and_buckets import QueuesAndBuckets


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueuesAndBuckets]:
    made = QueuesAndBuckets()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", made.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", made.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield made
    made.close()
