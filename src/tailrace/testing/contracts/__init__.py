"""Contract suites: what every adapter behind a port must do.

Subclass one in a test module and give it the adapter.
"""

from __future__ import annotations

import pytest

_HERE = "tailrace.testing.contracts."
# Without this their assertions fail with no word on the values: by itself, pytest rewrites only
# test modules.
pytest.register_assert_rewrite(
    "tailrace.testing.reading",
    *(
        _HERE + name
        for name in (
            "catalogs",
            "changes",
            "concurrency",
            "crash",
            "durability",
            "oracle",
            "reads",
            "writes",
        )
    ),
)
