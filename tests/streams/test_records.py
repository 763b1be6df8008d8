"""A record has exactly the members, images and sizes its view type shows; image bytes are kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.changes import Change, ChangeKind
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Stream, StreamViewType
from tailrace.streams.records import encode_record
from tailrace.streams.sequence import next_clock, sequence_number

NOW_US = 1_789_651_658_999_999
CLOCK = next_clock(0, NOW_US, 3)
KEYS = b'{"pk":{"S":"a"}}'
OLD = b'{"n":{"N":"1"},"pk":{"S":"a"}}'
NEW = b'{"n":{"N":"2"},"pk":{"S":"a"}}'

INSERT = Change(ChangeKind.INSERT, KEYS, 3, None, 0, NEW, 6)
MODIFY = Change(ChangeKind.MODIFY, KEYS, 3, OLD, 7, NEW, 6)
REMOVE = Change(ChangeKind.REMOVE, KEYS, 3, OLD, 7, None, 0)


def stream(
    view: StreamViewType = StreamViewType.NEW_AND_OLD_IMAGES,
    label: str = "l",
    region: str = "eu-west-1",
) -> Stream:
    return Stream(
        id=2,
        table_id=1,
        table_name="t",
        region=region,
        account="000000000000",
        label=label,
        view_type=view,
        keys=KeySchema((KeyAttribute("pk", "S"),)),
        created_us=1,
    )


def test_a_whole_record() -> None:
    record = json.loads(encode_record(MODIFY, CLOCK, stream()))
    event_id = record.pop("eventID")
    assert len(event_id) == 32
    assert set(event_id) <= set("0123456789abcdef")
    assert record == {
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_789_651_658,
            "Keys": {"pk": {"S": "a"}},
            "NewImage": {"n": {"N": "2"}, "pk": {"S": "a"}},
            "OldImage": {"n": {"N": "1"}, "pk": {"S": "a"}},
            "SequenceNumber": sequence_number(CLOCK),
            "SizeBytes": 16,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


@pytest.mark.parametrize(
    ("view", "change", "shown", "size"),
    [
        (StreamViewType.KEYS_ONLY, INSERT, set(), 3),
        (StreamViewType.KEYS_ONLY, MODIFY, set(), 3),
        (StreamViewType.KEYS_ONLY, REMOVE, set(), 3),
        (StreamViewType.NEW_IMAGE, INSERT, {"NewImage"}, 9),
        (StreamViewType.NEW_IMAGE, MODIFY, {"NewImage"}, 9),
        (StreamViewType.NEW_IMAGE, REMOVE, set(), 3),
        (StreamViewType.OLD_IMAGE, INSERT, set(), 3),
        (StreamViewType.OLD_IMAGE, MODIFY, {"OldImage"}, 10),
        (StreamViewType.OLD_IMAGE, REMOVE, {"OldImage"}, 10),
        (StreamViewType.NEW_AND_OLD_IMAGES, INSERT, {"NewImage"}, 9),
        (StreamViewType.NEW_AND_OLD_IMAGES, MODIFY, {"NewImage", "OldImage"}, 16),
        (StreamViewType.NEW_AND_OLD_IMAGES, REMOVE, {"OldImage"}, 10),
    ],
)
def test_view_types(view: StreamViewType, change: Change, shown: set[str], size: int) -> None:
    record = json.loads(encode_record(change, CLOCK, stream(view)))
    assert record["eventName"] == change.kind.value
    assert {"NewImage", "OldImage"} & record["dynamodb"].keys() == shown
    assert record["dynamodb"]["SizeBytes"] == size
    assert record["dynamodb"]["StreamViewType"] == view.value
    assert "userIdentity" not in record


def test_expired_items_name_the_service() -> None:
    change = Change(ChangeKind.REMOVE, KEYS, 3, OLD, 7, None, 0, by_service=True)
    record = json.loads(encode_record(change, CLOCK, stream()))
    assert record["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def test_images_are_spliced_as_they_are() -> None:
    odd = b'{"pk":{"S":"%d %s \xc3\xa9"}}'
    change = Change(ChangeKind.INSERT, odd, 1, None, 0, odd, 1)
    assert encode_record(change, CLOCK, stream()).count(odd) == 2


def test_a_region_that_needs_escaping() -> None:
    assert json.loads(encode_record(INSERT, CLOCK, stream(region='%s"\\')))["awsRegion"] == '%s"\\'


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_event_ids_are_one_to_one_with_stream_and_clock(first: int, second: int) -> None:
    def event_id(clock: int, label: str) -> str:
        return json.loads(encode_record(INSERT, clock, stream(label=label)))["eventID"]

    assert (event_id(first, "a") == event_id(second, "a")) == (first == second)
    assert event_id(first, "a") != event_id(first, "b")
