"""The collector is relaxed once, and left alone where somebody has set it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tailrace.delivery.collector import relax_collector


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_pythons_own_threshold_is_raised() -> None:
    gc.set_threshold(700, 10, 10)
    relax_collector()
    assert gc.get_threshold()[0] == 50_000


def test_anothers_choice_stands() -> None:
    gc.set_threshold(1234, 5, 5)
    relax_collector()
    assert gc.get_threshold() == (1234, 5, 5)
