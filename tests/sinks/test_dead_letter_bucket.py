"""A bucket keeps dead letters by the day, listed page by page, and leaves other objects alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tailrace.delivery.dead_letters import DeadLetterStore
from tailrace.sinks.aws_client import AwsCallFailed
from tailrace.sinks.dead_letter_bucket import BucketDeadLetters
from tailrace.testing.contracts.dead_letters import DeadLetterContract, all_of, letter
from tests.servers.queues_and_buckets import QueuesAndBuckets


class TestBucketDeadLetters(DeadLetterContract):
    @pytest.fixture(autouse=True)
    def _services(self, services: QueuesAndBuckets) -> None:
        services.buckets["letters"] = {}

    def make(self) -> Callable[[], DeadLetterStore]:
        return lambda: BucketDeadLetters("letters", "orders")


def test_many_are_listed_page_by_page(services: QueuesAndBuckets) -> None:
    services.buckets["letters"] = kept = {"orders/readme.txt": b"hello", "orders/1-x.json": b"{}"}

    async def main() -> None:
        store = BucketDeadLetters("letters", "orders/", page=3)
        await store.keep([letter(n) for n in range(1, 11)])
        assert "orders/2026/09/17/7-1789651700000.json" in kept
        assert set(await all_of(store)) == {str(n) for n in range(1, 11)}
        assert services.calls.count("GET list") == 4
        await store.remove([f"{n}-1789651700000" for n in range(1, 11)])
        assert sorted(kept) == ["orders/1-x.json", "orders/readme.txt"]

    asyncio.run(main())


def test_one_that_is_gone_when_it_is_read_is_passed_over(services: QueuesAndBuckets) -> None:
    services.buckets["letters"] = kept = {}

    async def main() -> None:
        store = BucketDeadLetters("letters")
        await store.keep([letter(1)])
        (key,) = kept
        await store.delete(key)
        assert await store.get(key) is None

    asyncio.run(main())


def test_what_the_service_refuses_is_said(services: QueuesAndBuckets) -> None:
    with pytest.raises(AwsCallFailed, match="no bucket") as caught:
        asyncio.run(BucketDeadLetters("none").keep([letter(1)]))
    assert caught.value.code == "NoSuchBucket"
