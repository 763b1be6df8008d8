"""A caller of a store in memory, and of one on disk that can be opened again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.testing.calling import Caller
from tests.api.dynamodb.statements import run
from tests.api.dynamodb.transitions import TEN_S


@pytest.fixture
def caller() -> Iterator[Caller]:
    made = Caller()
    yield made
    made.close()


@pytest.fixture(params=["memory", "sqlite"])
def slow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Caller]:
    """A caller of a store in which every change takes ten seconds."""
    made = Caller(tmp_path / "data" if request.param == "sqlite" else None)
    made.service.faults.transition_us = TEN_S
    yield made
    made.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Caller]:
    """A caller of a store in memory, and one of a store on disk."""
    made = Caller(None if request.param == "memory" else tmp_path)
    yield made
    made.close()


class Disk:
    """Opens the same store again and again, with one clock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._caller: Caller | None = None

    def open(self) -> Caller:
        """The store, closed and opened again if it was open."""
        clock = None
        if self._caller is not None:
            clock = self._caller.clock
            self._caller.close()
        buckets = self._directory / "buckets"
        buckets.mkdir(exist_ok=True)
        self._caller = Caller(self._directory / "data", clock=clock, s3_directory=buckets)
        return self._caller

    def close(self) -> None:
        if self._caller is not None:
            self._caller.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.close()


@pytest.fixture
def things(caller: Caller) -> Caller:
    """A table of two partitions, a and b, of three items each."""
    caller.create(sort=True)
    for pk in "ab":
        for sk in "123":
            run(caller, f"INSERT INTO things VALUE {{'pk': '{pk}', 'sk': '{sk}', 'n': {sk}}}")
    return caller
