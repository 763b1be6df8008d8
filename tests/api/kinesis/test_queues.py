"""Queues deliver each record of a stream until it is acknowledged, and keep what nobody could
handle; receiving waits for records to come."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings
from tests.api.kinesis.conftest import KinesisDesk, client_of
from tests.api.kinesis.test_streams import ARN, refusal

STREAM = ARN + "orders"
ON_DEMAND = {"StreamMode": "ON_DEMAND"}
SECOND_US = 1_000_000
INVALID = "InvalidArgumentException"
MISSING = "ResourceNotFoundException"


class Queue:
    """A queue on the stream `orders`."""

    def __init__(self, desk: Any, start: str = "TRIM_HORIZON", **attributes: Any) -> None:
        self.desk = desk
        self.client = desk.client
        made = create(desk.client, start=start, QueueAttributes=attributes)
        self.arn: str = made["QueueDescription"]["QueueARN"]

    def receive(self, limit: int = 10, dead: bool = False, **more: Any) -> list[dict[str, Any]]:
        kind = "receive_dead_letter_queue_records" if dead else "receive_queue_records"
        call = getattr(self.client, kind)
        wait = {"WaitTimeSeconds": 1}
        return call(QueueARN=self.arn, Limit=limit, **(wait | more))["QueueRecords"]

    def data(self, **more: Any) -> list[str]:
        return [record["Data"].decode() for record in self.receive(**more)]

    def settle(self, operation: str, *handles: str, **more: Any) -> tuple[int, list[str]]:
        """How many were settled, and the codes of the others."""
        entries = [{"ReceiptHandle": handle, **more} for handle in handles]
        answer = getattr(self.client, operation)(QueueARN=self.arn, Entries=entries)
        return len(answer["Successful"]), [each["ErrorCode"] for each in answer["Failed"]]

    def acknowledge(self, *handles: str) -> tuple[int, list[str]]:
        return self.settle("acknowledge_queue_records", *handles)

    def wait(self, seconds: float) -> None:
        self.desk.clock.advance(round(seconds * SECOND_US))


def create(client: Any, name: str = "work", start: str = "TRIM_HORIZON", **more: Any) -> Any:
    place = {"StreamARN": STREAM, "StartingPosition": {"Type": start}}
    return client.create_queue(QueueName=name, StreamConfigurationList=[place], **more)


@pytest.fixture
def stream(desk: Any) -> KinesisDesk:
    desk.client.create_stream(StreamName="orders", StreamModeDetails=ON_DEMAND)
    return desk


def put(desk: Any, *data: str) -> None:
    for each in data:
        desk.put(each, key=each)


def test_each_record_is_received_until_it_is_acknowledged(stream: Any) -> None:
    queue = Queue(stream)
    put(stream, *(str(n) for n in range(25)))
    seen = [queue.receive() for _ in range(3)]
    assert [len(page) for page in seen] == [10, 10, 5]
    records = [record for page in seen for record in page]
    assert sorted(int(record["Data"]) for record in records) == list(range(25))
    assert len({record["RecordId"] for record in records}) == 25
    assert {record["ReceiveCount"] for record in records} == {1}
    assert all(record["PartitionKey"] == record["Data"].decode() for record in records)
    assert queue.receive() == []
    done = [record["ReceiptHandle"] for record in records[:20]]
    assert queue.acknowledge(*done[:10]) == (10, [])
    assert queue.acknowledge(*done[10:]) == (10, [])
    assert queue.acknowledge(done[0]) == (0, [MISSING])
    queue.wait(30)
    again = queue.receive()
    assert {r["RecordId"] for r in again} == {r["RecordId"] for r in records[20:]}
    assert {r["ReceiveCount"] for r in again} == {2}
    assert again[0]["FirstReceiveTimestamp"] == records[0]["FirstReceiveTimestamp"]
    assert queue.acknowledge(records[20]["ReceiptHandle"]) == (0, [MISSING]), "it is an old one"
    assert queue.acknowledge(*(r["ReceiptHandle"] for r in again)) == (5, [])
    queue.wait(30)
    assert queue.receive() == []


def test_queues_do_not_know_of_each_other(stream: Any) -> None:
    first = Queue(stream)
    put(stream, "a")
    made = create(stream.client, "late", "LATEST")["QueueDescription"]
    late, early = first.arn, made["QueueARN"]
    put(stream, "b")
    for arn, expected in ((late, {"a", "b"}), (early, {"b"})):
        answer = stream.client.receive_queue_records(QueueARN=arn)["QueueRecords"]
        assert {record["Data"].decode() for record in answer} == expected
    handle = answer[0]["ReceiptHandle"]
    assert first.acknowledge(handle) == (0, [INVALID]), "it is another queue's"
    for bad in ("x", "Zm9v", "ä"):
        assert first.acknowledge(bad) == (0, [INVALID])


def test_visibility_is_chosen_and_changed(stream: Any) -> None:
    queue = Queue(stream, VisibilityTimeoutSeconds=100)
    put(stream, "a")
    (record,) = queue.receive()
    queue.wait(99)
    assert queue.receive() == []
    change = "update_queue_records_visibility"
    handle = record["ReceiptHandle"]
    assert queue.settle(change, handle, VisibilityTimeoutSeconds=50) == (1, [])
    queue.wait(49)
    assert queue.receive() == []
    queue.wait(1)
    (record,) = queue.receive(VisibilityTimeoutSeconds=5)
    queue.wait(5)
    (record,) = queue.receive()
    handle = record["ReceiptHandle"]
    assert queue.settle(change, handle, handle, VisibilityTimeoutSeconds=0) == (1, [INVALID])
    assert queue.data() == ["a"]


def test_what_is_received_too_often_is_dead(stream: Any) -> None:
    letters = {"TargetType": "BUILT_IN", "MaxReceiveCount": 2}
    queue = Queue(stream, DeadLetterConfiguration=letters)
    put(stream, "bad", "good")
    for _ in range(2):
        by_data = {record["Data"]: record["ReceiptHandle"] for record in queue.receive()}
        queue.wait(30)
    assert queue.acknowledge(by_data[b"good"]) == (1, []), "it was not received since"
    assert queue.data() == []
    (dead,) = queue.receive(dead=True)
    assert dead["Data"] == b"bad"
    assert queue.receive(dead=True) == [], "it is in flight"
    assert queue.acknowledge(dead["ReceiptHandle"]) == (0, [MISSING]), "it is no live one"
    change = "update_dead_letter_queue_records_visibility"
    assert queue.settle(change, dead["ReceiptHandle"], VisibilityTimeoutSeconds=0) == (1, [])
    (dead,) = queue.receive(dead=True)
    assert queue.settle("restore_dead_letter_queue_records", dead["ReceiptHandle"]) == (1, [])
    assert queue.receive(dead=True) == []
    (live,) = queue.receive()
    assert (live["Data"], live["ReceiveCount"]) == (b"bad", 1)
    queue.wait(30)
    queue.receive()
    queue.wait(30)
    (dead,) = queue.receive(dead=True)
    discard = "acknowledge_dead_letter_queue_records"
    assert queue.settle(discard, dead["ReceiptHandle"]) == (1, [])
    queue.wait(30)
    assert queue.receive() == queue.receive(dead=True) == []


def test_dead_letters_can_be_turned_off(stream: Any) -> None:
    queue = Queue(stream, DeadLetterConfiguration={"TargetType": "NONE"})
    put(stream, "a")
    for count in range(1, 10):
        (record,) = queue.receive(VisibilityTimeoutSeconds=0)
        assert record["ReceiveCount"] == count


def test_a_queue_follows_the_shards_and_forgets_with_the_stream(stream: Any) -> None:
    queue = Queue(stream)
    put(stream, "a", "b")
    committed = {"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}}
    stream.client.update_account_settings(**committed)
    stream.client.update_stream_warm_throughput(StreamName="orders", WarmThroughputMiBps=8)
    assert len(stream.open_shards()) == 8
    put(stream, "c", "d")
    assert set(queue.data()) == {"a", "b", "c", "d"}
    queue.wait(25 * 3600)
    assert queue.data() == [], "the stream keeps them no longer"


def test_two_receivers_never_get_the_same_record(stream: Any) -> None:
    queue = Queue(stream)
    put(stream, *(str(n) for n in range(60)))
    got: list[str] = []

    def work() -> None:
        client = client_of(stream.tailrace.endpoint_url)
        while True:
            answer = client.receive_queue_records(QueueARN=queue.arn, WaitTimeSeconds=1)
            if not answer["QueueRecords"]:
                return
            got.extend(record["Data"].decode() for record in answer["QueueRecords"])

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(got, key=int) == [str(n) for n in range(60)]


def test_receiving_waits_for_a_record(stream: Any) -> None:
    queue = Queue(stream)
    got: list[dict[str, Any]] = []
    client = client_of(stream.tailrace.endpoint_url)

    def work() -> None:
        answer = client.receive_queue_records(QueueARN=queue.arn, WaitTimeSeconds=20)
        got.extend(answer["QueueRecords"])

    worker = threading.Thread(target=work)
    began = time.monotonic()
    worker.start()
    put(stream, "a")
    worker.join()
    assert [record["Data"] for record in got] == [b"a"]
    assert time.monotonic() - began < 15


def test_a_server_that_is_told_to_stop_answers_those_who_wait() -> None:
    answers: list[Any] = []
    with Tailrace(Settings(port=0)) as running:
        client = client_of(running.endpoint_url)
        client.create_stream(StreamName="orders", StreamModeDetails=ON_DEMAND)
        arn = create(client)["QueueDescription"]["QueueARN"]

        def work() -> None:
            answers.append(client.receive_queue_records(QueueARN=arn, WaitTimeSeconds=20))

        worker = threading.Thread(target=work)
        worker.start()
        while not running._waits._waiting:  # until it waits
            time.sleep(0.01)
        began = time.monotonic()
    worker.join()
    assert time.monotonic() - began < 9
    assert answers[0]["QueueRecords"] == []


def test_a_queue_is_described_changed_listed_and_removed(stream: Any) -> None:
    client = stream.client
    made = create(client, Tags={"a": "b"})["QueueDescription"]
    assert made["QueueStatus"] == "CREATING"
    assert made["QueueAttributes"] == {
        "VisibilityTimeoutSeconds": 30,
        "DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 6},
    }
    assert made["StreamConfigurationList"] == [
        {"StreamARN": STREAM, "StartingPosition": {"Type": "TRIM_HORIZON"}}
    ]
    arn = made["QueueARN"]
    described = client.describe_queue(QueueARN=arn)["QueueDescription"]
    assert described == {**made, "QueueStatus": "ACTIVE"}
    attributes = {
        "VisibilityTimeoutSeconds": 5,
        "DeadLetterConfiguration": {"TargetType": "NONE"},
    }
    updated = client.update_queue(QueueARN=arn, QueueAttributes=attributes)["QueueDescription"]
    assert (updated["QueueStatus"], updated["QueueAttributes"]) == ("UPDATING", attributes)
    client.tag_resource(ResourceARN=arn, Tags={"c": "d"})
    client.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert client.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
    for number in range(3):
        create(client, f"more-{number}")
    page = client.list_queues(MaxResults=3)
    rest = client.list_queues(NextToken=page["NextToken"])
    names = [queue["QueueName"] for queue in page["QueueSummaries"] + rest["QueueSummaries"]]
    assert names == ["more-0", "more-1", "more-2", "work"]
    assert "NextToken" not in rest
    other = {"StreamARN": ARN + "other"}
    assert client.list_queues(StreamFilter=[other])["QueueSummaries"] == []
    summary = client.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    assert (summary["QueueCount"], summary["ConsumerCount"]) == (4, 0)
    client.delete_queue(QueueARN=arn)
    assert refusal(client.describe_queue, QueueARN=arn)[0] == MISSING
    assert len(client.list_queues()["QueueSummaries"]) == 3


def test_what_queues_refuse(stream: Any) -> None:
    client = stream.client
    arn = create(client)["QueueDescription"]["QueueARN"]
    assert refusal(create, client=client)[0] == "ResourceInUseException"
    client.create_stream(StreamName="provisioned", ShardCount=1)
    place = {"StreamARN": ARN + "provisioned"}
    told = refusal(client.create_queue, QueueName="more", StreamConfigurationList=[place])
    assert told[0] == INVALID
    place = {"StreamARN": STREAM}
    told = refusal(client.create_queue, QueueName="more", StreamConfigurationList=[place] * 2)
    assert told[0] == INVALID
    told = refusal(create, client=client, name="more", start="AT_TIMESTAMP")
    assert told[0] == "ValidationException"
    letters = {"DeadLetterConfiguration": {"TargetType": "BUILT_IN"}}
    assert refusal(client.update_queue, QueueARN=arn, QueueAttributes=letters)[0] == INVALID
    mode = {"StreamMode": "PROVISIONED"}
    told = refusal(client.update_stream_mode, StreamARN=STREAM, StreamModeDetails=mode)
    assert told[0] == "ResourceInUseException"
    assert refusal(client.delete_stream, StreamName="orders")[0] == "ResourceInUseException"
    for number in range(19):
        create(client, f"more-{number}")
    assert refusal(create, client=client, name="late")[0] == "LimitExceededException"
    unknown = arn[:-4] + "none"
    assert refusal(client.receive_queue_records, QueueARN=unknown)[0] == MISSING
    assert refusal(client.delete_queue, QueueARN=unknown)[0] == MISSING
