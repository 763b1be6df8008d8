"""Proves that the AWS SDK for Java, unchanged, makes its round trips: items of every type, beans of
the enhanced client, pages, batches, transactions, refusals, waiters, and a stream to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.programs import build, java_command, maven_goals
from tests.interop.round_trips import assert_round_trips

_PROJECT = Path(__file__).with_name("java")


# The first time, the SDK is fetched.
@pytest.mark.timeout(900)
def test_round_trips(need: Callable[[str], str]):
    java, mvn, _ = need("java"), need("mvn"), need("javac")
    built = build(_PROJECT, maven_goals(mvn))
    assert_round_trips(java_command(java, built, "tailrace.RoundTrips"), built)
