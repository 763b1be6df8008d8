"""Proves that the AWS SDK for Java's asynchronous Kinesis client, which speaks HTTP/2 without
asking first, has its calls answered: many at once, large ones, and subscriptions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tailrace.app import Tailrace
from tailrace.server.preface import http2_protocol
from tailrace.settings import Settings
from tests.interop.kcl_worker import build
from tests.interop.programs import java_command, output_of


# The first time, the SDK is fetched.
@pytest.mark.timeout(900)
def test_calls_and_subscriptions(need: Callable[[str], str]):
    java, mvn, _ = need("java"), need("mvn"), need("javac")
    built = build(mvn, "kinesis")
    http2_protocol.cache_clear()
    with Tailrace(Settings(port=0)) as tailrace:
        command = java_command(java, built, "tailrace.KinesisCalls", tailrace.endpoint_url)
        said = output_of(command, built)
    assert http2_protocol.cache_info().misses == 1, "it has not spoken HTTP/2"
    assert said.splitlines() == [
        "put 300",
        f"read 306 {sum(len(f'record-{n}') for n in range(300)) + 6 * 900_000}",
        "refused true",
        "pushed true",
        "pushed true",
    ]
