"""Proves that the AWS SDK for JavaScript, unchanged, makes its round trips: items of every type,
documents, pages, batches, transactions, refusals, waiters, and a stream to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.programs import build
from tests.interop.round_trips import assert_round_trips

_PROJECT = Path(__file__).with_name("node")


# The first time, the SDK is fetched.
@pytest.mark.timeout(900)
def test_round_trips(need: Callable[[str], str]):
    node, npm = need("node"), need("npm")
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    built = build(_PROJECT, install)
    assert_round_trips([node, "--no-warnings", "round_trips.mjs"], built)
