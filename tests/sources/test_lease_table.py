"""Leases in a table meet the contract, in the form of the Kinesis Client Library."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tailrace.delivery.leases.lease import Lease, LeaseTable
from tailrace.delivery.ports import Position
from tailrace.sources.lease_table import DynamoLeaseTable, item_of, lease_of
from tailrace.testing.contracts.leases import LeaseTableContract
from tailrace.testing.memory_leases import MemoryLeaseTable

# A lease as a Java application leaves it.
KCL_ITEM: dict[str, Any] = {
    "leaseKey": {"S": "shardId-00000001789651658000-0000abcd"},
    "leaseOwner": {"S": "0d6b4f1e-5a0d-4b1c-a7bd-3f0c3f1d7a52"},
    "leaseCounter": {"N": "1234"},
    "checkpoint": {"S": "100000000003498069978"},
    "checkpointSubSequenceNumber": {"N": "0"},
    "ownerSwitchesSinceCheckpoint": {"N": "2"},
    "parentShardId": {"SS": ["shardId-00000001789637258000-0000aaaa"]},
    "startingHashKey": {"S": "0"},
    "throughputKBps": {"N": "12.5"},
}


class TestDynamoLeaseTable(LeaseTableContract):
    @pytest.fixture(autouse=True)
    def _store(self, store: Any) -> None:
        self.new_store = type(store)

    def make(self) -> LeaseTable:
        return DynamoLeaseTable(self.new_store(), "app")


class TestSharedLeaseTable(TestDynamoLeaseTable):
    def make(self) -> LeaseTable:
        return DynamoLeaseTable(self.new_store(), "shared", "app:")


class TestMemoryLeaseTable(LeaseTableContract):
    def make(self) -> LeaseTable:
        return MemoryLeaseTable()


def test_a_lease_of_the_kinesis_client_library_is_understood() -> None:
    assert lease_of(KCL_ITEM) == Lease(
        shard_id="shardId-00000001789651658000-0000abcd",
        counter=1234,
        owner="0d6b4f1e-5a0d-4b1c-a7bd-3f0c3f1d7a52",
        position=Position(sequence=100000000003498069978),
        switches=2,
        parents=("shardId-00000001789637258000-0000aaaa",),
    )


@pytest.mark.parametrize(
    ("checkpoint", "position"),
    [
        ("TRIM_HORIZON", Position()),
        ("LATEST", Position(latest=True)),
        ("SHARD_END", Position(finished=True)),
        ("AT_TIMESTAMP", Position()),
    ],
)
def test_its_checkpoints_are_understood(checkpoint: str, position: Position) -> None:
    lease = lease_of({**KCL_ITEM, "checkpoint": {"S": checkpoint}})
    assert lease is not None
    assert lease.position == position


def test_the_item_has_what_it_reads() -> None:
    lease = lease_of(KCL_ITEM)
    assert lease is not None
    kept = {name for name in KCL_ITEM if name not in ("startingHashKey", "throughputKBps")}
    assert item_of(lease) == {name: KCL_ITEM[name] for name in kept}


def test_what_it_keeps_beside_leases_is_passed_over() -> None:
    assert lease_of({"leaseKey": {"S": "leader"}, "leaseOwner": {"S": "x"}}) is None


def test_a_write_leaves_attributes_alone_that_are_not_known_here(store: Any) -> None:
    async def main() -> None:
        table = DynamoLeaseTable(store, "app")
        await table.scan()
        await store.call("DynamoDB_20120810.PutItem", {"TableName": "app", "Item": KCL_ITEM})
        (old,) = await table.scan()
        new = msgspec.structs.replace(old, counter=1235, owner="me", parents=())
        assert await table.replace(old, new)
        body = await store.call("DynamoDB_20120810.Scan", {"TableName": "app"})
        (item,) = msgspec.json.decode(body)["Items"]
        assert item["throughputKBps"] == {"N": "12.5"}
        assert item["leaseOwner"] == {"S": "me"}
        assert "parentShardId" not in item

    asyncio.run(main())


def test_groups_in_one_table_do_not_see_each_other(store: Any) -> None:
    async def main() -> None:
        one, two = (DynamoLeaseTable(store, "shared", f"{name}:") for name in ("one", "two"))
        await asyncio.gather(one.scan(), two.scan())
        await one.create(Lease(shard_id="a", owner="x"))
        assert list(await two.scan()) == []
        assert await two.create(Lease(shard_id="a"))
        assert list(await one.scan()) == [Lease(shard_id="a", owner="x")]
        assert list(await DynamoLeaseTable(store, "shared").scan()) == []

    asyncio.run(main())
