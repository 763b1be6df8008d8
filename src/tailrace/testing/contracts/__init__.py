"""Contract suites: what every adapter behind a port must do.

Subclass one in a test module and give it the adapter.
"""

from __future__ import annotations

import pytest

__all__: list[str] = []

_MODULES = (
    "agreement",
    "catalogs",
    "changes",
    "checkpoints",
    "concurrency",
    "crash",
    "durability",
    "oracle",
    "reads",
    "sink",
    "source",
    "spool",
    "writes",
)
# Without this their assertions fail with no word on the values: by itself, pytest rewrites only
# test modules.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))
