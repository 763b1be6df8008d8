"""Proves that the AWS SDK for Go, unchanged, makes its round trips: items of every type, documents,
pages, batches, transactions, refusals, waiters, and a stream to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.programs import build
from tests.interop.round_trips import assert_round_trips

_PROJECT = Path(__file__).with_name("go")


# The first time, the SDK is fetched and compiled.
@pytest.mark.timeout(900)
def test_round_trips(need: Callable[[str], str]):
    compiling = [need("go"), "build", "-buildvcs=false", "-o", "round_trips", "."]
    built = build(_PROJECT, compiling)
    assert_round_trips([built / "round_trips"], built)
