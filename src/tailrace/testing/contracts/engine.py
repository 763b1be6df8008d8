"""The contract of the `Engine` port, whole. Every engine's tests subclass it."""

from __future__ import annotations

from tailrace.testing.contracts.writes import WriteContract

__all__ = ["EngineContract"]


class EngineContract(WriteContract):
    """What every engine does."""
