"""A queue keeps dead letters; what fits no message is packed, goes into a bucket, or is cut; and
whoever looks gives all messages back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.delivery.dead_letters import DeadLetterStore
from tailrace.delivery.ports import DeadLetter
from tailrace.sinks.aws_client import AwsCallFailed
from tailrace.sinks.dead_letter_bucket import BucketDeadLetters
from tailrace.sinks.dead_letter_queue import QueueDeadLetters
from tailrace.testing.contracts.dead_letters import DeadLetterContract, all_of, letter
from tests.servers.queues_and_buckets import QueuesAndBuckets

ARN = "arn:aws:sqs:us-east-1:000000000000:letters"


def store_of(queue: str = "letters", bucket: BucketDeadLetters | None = None) -> QueueDeadLetters:
    return QueueDeadLetters(queue, bucket, wait_s=0)


def huge(sequence: int) -> DeadLetter:
    """A letter that no compression brings below a message's size."""
    noise = random.Random(sequence).randbytes(390_000).hex()
    return letter(sequence, NewImage={"v": {"S": noise}}, OldImage={"v": {"S": noise}})


class TestQueueDeadLetters(DeadLetterContract):
    queue = "letters"

    @pytest.fixture(autouse=True)
    def _services(self, services: QueuesAndBuckets) -> None:
        services.queues[self.queue] = []

    def make(self) -> Callable[[], DeadLetterStore]:
        return lambda: store_of(self.queue)


class TestFifoQueue(TestQueueDeadLetters):
    queue = "letters.fifo"


@pytest.fixture
def queue(services: QueuesAndBuckets) -> list[Any]:
    services.queues["letters"] = made = []
    return made


def test_who_lists_gives_back(services: QueuesAndBuckets, queue: list[Any]) -> None:
    async def main() -> None:
        store = store_of()
        await store.keep([letter(n) for n in range(1, 36)])
        assert json.loads(queue[0].body)["reason"] == "ValueError: boom"
        assert len(await all_of(store)) == 35
        assert services.visible("letters") == 35
        async with contextlib.aclosing(store.letters()) as letters:
            async for _ in letters:
                break
        assert services.visible("letters") == 35, "what was not looked at is hidden"

    asyncio.run(main())


@pytest.mark.parametrize("name", ["letters", ARN, "url"])
def test_a_queue_is_named_by_name_arn_or_url(
    services: QueuesAndBuckets, queue: list[Any], name: str
) -> None:
    name = f"{services.url}/000000000000/letters" if name == "url" else name
    asyncio.run(store_of(name).keep([letter(1)]))
    assert len(queue) == 1


def test_others_messages_are_left_alone(services: QueuesAndBuckets, queue: list[Any]) -> None:
    async def main() -> None:
        store = store_of()
        for body in ("hello", '{"id": "7"}', '{"id": "8", "packed": "?"}'):
            services.answer("SendMessage", {"QueueUrl": "letters", "MessageBody": body})
        await store.keep([letter(1)])
        assert list(await all_of(store)) == ["1"]
        await store.remove(["1-1789651700000", "7"])
        assert len(queue) == services.visible("letters") == 3

    asyncio.run(main())


def test_a_receipt_that_is_no_longer_good_is_no_hindrance(
    services: QueuesAndBuckets, queue: list[Any]
) -> None:
    async def main() -> None:
        one, two = store_of(), store_of()
        await one.keep([letter(1), letter(2)])
        await all_of(one)
        await all_of(two)  # received anew: the first one's receipts are stale
        await one.remove(["1-1789651700000"])
        assert list(await all_of(two)) == ["2"]

    asyncio.run(main())


def test_without_a_bucket_what_fits_no_message_keeps_its_keys_and_its_place(
    services: QueuesAndBuckets, queue: list[Any]
) -> None:
    async def main() -> None:
        store = store_of()
        await store.keep([huge(1)])
        found = (await all_of(store))["1"]
        assert found.cut
        assert found.record["dynamodb"] == {"Keys": {"pk": {"S": "1"}}}
        assert (found.source_arn, found.shard_id) == ("arn:stream", "shard-1")

    asyncio.run(main())


def test_with_a_bucket_it_is_kept_whole(services: QueuesAndBuckets, queue: list[Any]) -> None:
    services.buckets["large"] = kept = {}

    async def main() -> None:
        store = store_of(bucket=BucketDeadLetters("large"))
        await store.keep([huge(1), letter(2)])
        assert len(kept) == 1
        found = await all_of(store)
        assert found["1"].record == huge(1).record.event
        assert not found["1"].cut
        assert (await all_of(store_of()))["1"].cut, "who does not know the bucket gets the rest"
        await store.remove([found["1"].id])
        assert kept == {}
        assert list(await all_of(store)) == ["2"]

    asyncio.run(main())


def test_a_queue_that_takes_more_gets_more(services: QueuesAndBuckets, queue: list[Any]) -> None:
    services.message_bytes = 1024 * 1024

    async def main() -> None:
        store = store_of()
        noise = random.Random(1).randbytes(300_000).hex()
        await store.keep([letter(1, NewImage={"v": {"S": noise}})])
        assert len(queue[0].body) > 600_000
        assert not (await all_of(store))["1"].cut
        services.attributes_are_secret = True
        await store_of().keep([letter(2, NewImage={"v": {"S": noise}})])
        assert len(queue[1].body) < 256 * 1024

    asyncio.run(main())


def test_characters_that_no_message_may_have(services: QueuesAndBuckets, queue: list[Any]) -> None:
    async def main() -> None:
        store = store_of()
        await store.keep([letter(1, "bad: \uffff\ufffe\u0001"), huge(2)])
        assert (await all_of(store))["1"].reason == "bad: \uffff\ufffe\u0001"

    asyncio.run(main())


def test_a_reason_of_any_length_is_no_hindrance(
    services: QueuesAndBuckets, queue: list[Any]
) -> None:
    async def main() -> None:
        store = store_of()
        await store.keep([letter(1, random.Random(1).randbytes(400_000).hex())])
        assert len((await all_of(store))["1"].reason) == 4096

    asyncio.run(main())


def test_a_queue_that_is_not_there_is_an_error(services: QueuesAndBuckets) -> None:
    with pytest.raises(AwsCallFailed, match="does not exist"):
        asyncio.run(store_of().keep([letter(1)]))
