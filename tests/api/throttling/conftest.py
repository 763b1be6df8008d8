"""A caller of a store that enforces throughput, and tables that have little of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.testing.calling import Caller

SECOND_US = 1_000_000
GSI: dict[str, Any] = {
    "IndexName": "by-owner",
    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


class Throttled(Caller):
    """A caller whose tables' throughput is enforced."""

    def __init__(self) -> None:
        super().__init__(enforce_throughput=True)

    def wait(self, seconds: float) -> None:
        self.clock.advance(round(seconds * SECOND_US))

    def provisioned(self, reads: int = 5, writes: int = 5, name: str = "things") -> None:
        """A table of so many units a second, new in this moment."""
        self.create(
            name,
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": reads, "WriteCapacityUnits": writes},
        )

    def indexed(self, writes: int = 100, index_writes: int = 1) -> None:
        """A table with a global index by `owner`."""
        self.create(
            BillingMode="PROVISIONED",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "owner")
            ],
            ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": writes},
            GlobalSecondaryIndexes=[
                {
                    **GSI,
                    "ProvisionedThroughput": {
                        "ReadCapacityUnits": 1,
                        "WriteCapacityUnits": index_writes,
                    },
                }
            ],
        )

    def limited(self, **units: int) -> None:
        """A table on demand with limits."""
        self.create(OnDemandThroughput=units)


@pytest.fixture
def throttled() -> Iterator[Throttled]:
    made = Throttled()
    yield made
    made.close()
