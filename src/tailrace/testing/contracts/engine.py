"""The contract of the `Engine` port, whole. Every engine's tests subclass it."""

from __future__ import annotations

from tailrace.testing.contracts.captures import CaptureContract
from tailrace.testing.contracts.catalogs import CatalogContract
from tailrace.testing.contracts.changes import ChangeContract
from tailrace.testing.contracts.concurrency import ConcurrencyContract
from tailrace.testing.contracts.durability import DurabilityContract
from tailrace.testing.contracts.holds import HoldContract
from tailrace.testing.contracts.reads import ReadContract
from tailrace.testing.contracts.writes import WriteContract

__all__ = ["DurableEngineContract", "EngineContract"]


class EngineContract(
    WriteContract,
    ReadContract,
    CatalogContract,
    ChangeContract,
    CaptureContract,
    HoldContract,
    ConcurrencyContract,
):
    """What every engine does. Give it `make`."""


class DurableEngineContract(EngineContract, DurabilityContract):
    """What every engine does that keeps its store when the process is gone. Give it `make`."""
