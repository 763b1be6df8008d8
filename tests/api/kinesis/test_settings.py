"""Policies, account settings, warm throughput and the spreading of records are kept, described and
refused as Kinesis does it."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from tests.api.kinesis.test_streams import ACCOUNT, ARN, refusal

STREAM = ARN + "orders"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "111122223333"},
                "Action": "kinesis:GetRecords",
                "Resource": STREAM,
            }
        ],
    }
)
DAY_US = 86_400_000_000
ON_DEMAND = {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}
INVALID = "InvalidArgumentException"


def commit(desk: Any, status: str = "ENABLED") -> dict[str, Any]:
    wanted = {"Status": status}
    answer = desk.client.update_account_settings(MinimumThroughputBillingCommitment=wanted)
    return answer["MinimumThroughputBillingCommitment"]


def commitment(desk: Any) -> dict[str, Any]:
    return desk.client.describe_account_settings()["MinimumThroughputBillingCommitment"]


def summary(desk: Any) -> dict[str, Any]:
    found = desk.client.describe_stream_summary(StreamName="orders")
    return found["StreamDescriptionSummary"]


def test_policies_of_streams_and_consumers(desk: Any) -> None:
    desk.stream()
    made = desk.client.register_stream_consumer(StreamARN=STREAM, ConsumerName="app")
    consumer = made["Consumer"]["ConsumerARN"]
    for arn in (STREAM, consumer):
        assert desk.client.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
        desk.client.put_resource_policy(ResourceARN=arn, Policy=POLICY)
        assert desk.client.get_resource_policy(ResourceARN=arn)["Policy"] == POLICY
    described = desk.client.describe_stream_consumer(ConsumerARN=consumer)
    assert "Policy" not in described["ConsumerDescription"]
    for arn in (STREAM, consumer):
        desk.client.delete_resource_policy(ResourceARN=arn)
        assert desk.client.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
        told = refusal(desk.client.delete_resource_policy, ResourceARN=arn)
        assert told == (
            "ResourceNotFoundException",
            f"No resource policy found for resource ARN {arn}",
        )


@pytest.mark.parametrize(
    "policy", ["", "no json", "[]", "{}", '{"Statement":[]}', '{"Statement":[{"Effect":"Allow"}]}']
)
def test_what_is_no_policy_is_refused_and_changes_nothing(desk: Any, policy: str) -> None:
    desk.stream()
    desk.client.put_resource_policy(ResourceARN=STREAM, Policy=POLICY)
    assert refusal(desk.client.put_resource_policy, ResourceARN=STREAM, Policy=policy)[0] == INVALID
    assert desk.client.get_resource_policy(ResourceARN=STREAM)["Policy"] == POLICY


def test_policies_of_what_is_not_there(desk: Any) -> None:
    for call, more in (
        (desk.client.get_resource_policy, {}),
        (desk.client.put_resource_policy, {"Policy": POLICY}),
        (desk.client.delete_resource_policy, {}),
    ):
        assert refusal(call, ResourceARN=STREAM, **more) == (
            "ResourceNotFoundException",
            f"Stream orders under account {ACCOUNT} not found.",
        )


def test_a_commitment_is_for_a_day_at_least(desk: Any) -> None:
    assert commitment(desk) == {"Status": "DISABLED"}
    begun = commit(desk)
    assert begun["Status"] == "ENABLED"
    assert begun["EarliestAllowedEndAt"] - begun["StartedAt"] == datetime.timedelta(days=1)
    assert commit(desk) == commitment(desk) == begun
    desk.clock.advance(DAY_US // 2)
    assert commit(desk, "DISABLED")["Status"] == "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    assert commit(desk) == begun, "it goes on"
    commit(desk, "DISABLED")
    desk.clock.advance(DAY_US)
    ended = commitment(desk)
    assert ended["Status"] == "DISABLED"
    assert ended["EndedAt"] == begun["EarliestAllowedEndAt"]
    assert commit(desk)["StartedAt"] > begun["StartedAt"]
    desk.clock.advance(3 * DAY_US)
    assert commit(desk, "DISABLED")["Status"] == "DISABLED"
    told = refusal(
        desk.client.update_account_settings, MinimumThroughputBillingCommitment={"Status": "NO"}
    )
    assert told[0] == "ValidationException"


def test_a_warm_stream_has_shards_for_what_is_to_come(desk: Any) -> None:
    desk.client.create_stream(StreamName="orders", **ON_DEMAND)
    warm = desk.client.update_stream_warm_throughput
    place = {"StreamName": "orders", "WarmThroughputMiBps": 9}
    assert refusal(warm, **place)[0] == INVALID, "the account is not committed"
    commit(desk)
    answer = warm(**place)
    assert answer["WarmThroughput"] == {"TargetMiBps": 9, "CurrentMiBps": 4}
    assert (answer["StreamName"], answer["StreamARN"]) == ("orders", STREAM)
    assert len(desk.open_shards()) == 9
    assert summary(desk)["WarmThroughput"] == {"TargetMiBps": 9, "CurrentMiBps": 9}
    warm(**{**place, "WarmThroughputMiBps": 1})
    assert len(desk.open_shards()) == 4
    told = refusal(warm, **{**place, "WarmThroughputMiBps": 10_241})
    assert told[0] == "LimitExceededException"
    mode = {"StreamARN": STREAM, "StreamModeDetails": {"StreamMode": "PROVISIONED"}}
    desk.client.update_stream_mode(**mode)
    assert "WarmThroughput" not in summary(desk)
    assert refusal(warm, **place)[0] == INVALID
    assert refusal(desk.client.update_stream_mode, WarmThroughputMiBps=5, **mode)[0] == INVALID
    desk.client.update_stream_mode(
        StreamARN=STREAM, StreamModeDetails=ON_DEMAND["StreamModeDetails"], WarmThroughputMiBps=5
    )
    assert len(desk.open_shards()) == 5


def test_a_stream_can_be_made_warm(desk: Any) -> None:
    create = desk.client.create_stream
    made = {"StreamName": "orders", "WarmThroughputMiBps": 6}
    assert refusal(create, **made, **ON_DEMAND)[0] == INVALID
    commit(desk)
    assert refusal(create, ShardCount=1, **made)[0] == INVALID
    create(**made, **ON_DEMAND)
    assert len(desk.open_shards()) == 6


def test_records_are_spread_over_the_shards_on_request(desk: Any) -> None:
    desk.client.create_stream(StreamName="orders", **ON_DEMAND)
    assert summary(desk)["RecordDistributionStrategy"] == "USER_PARTITION_KEY"
    put = desk.client.put_record
    assert refusal(put, StreamName="orders", Data=b"x")[0] == INVALID, "it has no key"
    update = desk.client.update_stream_record_distribution_strategy
    update(StreamARN=STREAM, RecordDistributionStrategy="AUTO")
    assert summary(desk)["RecordDistributionStrategy"] == "AUTO"
    records = [{"Data": b"%d" % n, "PartitionKey": "same"} for n in range(60)]
    answer = desk.client.put_records(StreamName="orders", Records=records)
    assert len({record["ShardId"] for record in answer["Records"]}) == 4
    shard = put(StreamName="orders", Data=b"last")["ShardId"]
    page = desk.client.get_records(ShardIterator=desk.iterator(shard))["Records"]
    assert page[0]["PartitionKey"] == "same"
    assert page[-1]["Data"] == b"last"
    assert "PartitionKey" not in page[-1]
    update(StreamARN=STREAM, RecordDistributionStrategy="USER_PARTITION_KEY")
    answer = desk.client.put_records(StreamName="orders", Records=records)
    assert len({record["ShardId"] for record in answer["Records"]}) == 1


def test_provisioned_streams_do_not_spread_records(desk: Any) -> None:
    desk.stream()
    update = desk.client.update_stream_record_distribution_strategy
    told = refusal(update, StreamARN=STREAM, RecordDistributionStrategy="AUTO")
    assert told[0] == INVALID
    create = {"StreamName": "more", "ShardCount": 1, "RecordDistributionStrategy": "AUTO"}
    assert refusal(desk.client.create_stream, **create)[0] == INVALID
    assert "RecordDistributionStrategy" not in summary(desk)
