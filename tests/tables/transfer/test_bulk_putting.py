"""Proves that bulk puts write what PutItem would, at their rate, and once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from backports import zstd

from tailrace import limits
from tailrace.testing.calling import Caller
from tests.api.dynamodb.vectors import index as vector_index
from tests.tables.transfer.bulk_puts import (
    ARN,
    SECOND_US,
    STREAM,
    begin,
    described,
    done,
    images,
    item,
    keys,
    line,
    many,
    report,
    write,
)


def test_all_items_under_the_prefix_are_put(putter: Caller, bucket: Path) -> None:
    putter.put("a", n={"N": "1"})
    putter.put("same")
    size = write(bucket, "in/1.json", line("a", n={"N": "2"}), b"\n", line("b"))
    size += write(bucket, "in/deep/2.json", line("same"), line("c"))
    write(bucket, "other/3.json", line("d"))
    found = done(putter)
    assert found["BulkOperationStatus"] == "COMPLETED"
    assert found["TableDetails"] == [{"TableName": ARN, "TableId": putter.table().uuid}]
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (4, 0)
    assert found["ProcessedInputBytes"] == found["TotalInputBytes"] == size
    assert found["InputS3Configuration"]["InputCompressionType"] == "NONE"
    assert found["InputS3Configuration"]["S3BucketOwner"] == "000000000000"
    assert found["PerformanceTier"] == "STANDARD"
    assert "MaxWriteRequestUnits" not in found
    assert "FailureCode" not in found
    assert keys(putter) == ["a", "b", "c", "same"]
    assert putter.get("a") == item("a", n={"N": "2"})
    # As for any put: what changes an item has a record, what leaves it as it is has none.
    assert images(putter)[2:] == [("MODIFY", "a"), ("INSERT", "b"), ("INSERT", "c")]


def test_items_of_one_key_are_put_one_after_another(putter: Caller, bucket: Path) -> None:
    numbered = [line("a", n={"N": str(number)}) for number in range(5)]
    write(bucket, "in/1.json", line("b"), *numbered, line("b", n={"N": "1"}))
    found = done(putter)
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (7, 0)
    assert putter.get("a") == item("a", n={"N": "4"})
    assert images(putter) == [
        ("INSERT", "b"),
        ("INSERT", "a"),
        *[("MODIFY", "a")] * 4,
        ("MODIFY", "b"),
    ]


def test_indexes_are_written_and_counted(bucket: Path) -> None:
    caller = Caller(s3_directory=bucket.parent)
    local = {
        "IndexName": "local",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "g", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    other = {
        "IndexName": "other",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    caller.create(
        sort=True,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g")
        ],
        LocalSecondaryIndexes=[local],
        GlobalSecondaryIndexes=[other],
    )
    rows = [
        {"pk": {"S": "a"}, "sk": {"S": "1"}, "g": {"S": "x"}, "more": {"S": "yz"}},
        {"pk": {"S": "a"}, "sk": {"S": "2"}},
    ]
    write(bucket, "in/1.json", *[{"Item": row} for row in rows])
    (usage,) = done(caller)["BulkOperationUsage"]
    # pk + a, sk + 1, g + x, more + yz; the local index holds only the keys.
    assert usage == {
        "TableName": ARN,
        "BulkPutBytes": 14 + 6 + 8 + 14,
        "Table": {"BulkPutBytes": 14 + 6},
        "LocalSecondaryIndexes": {"local": {"BulkPutBytes": 8}},
        "GlobalSecondaryIndexes": {"other": {"BulkPutBytes": 14}},
    }
    for index in ("local", "other"):
        assert caller.call("Scan", TableName="things", IndexName=index)["Count"] == 1


@pytest.mark.parametrize("compression", ["GZIP", "ZSTD"])
def test_compressed_objects_are_read(putter: Caller, bucket: Path, compression: str) -> None:
    pack = gzip.compress if compression == "GZIP" else zstd.compress
    content = b"".join(json.dumps(line(str(number))).encode() + b"\n" for number in range(700))
    size = write(bucket, "in/1", pack(content))
    found = done(putter, Input={"InputCompressionType": compression})
    assert found["BulkOperationStatus"] == "COMPLETED"
    assert found["ProcessedInputBytes"] == found["TotalInputBytes"] == size
    assert len(keys(putter)) == 700


def test_ion_is_read_with_its_conditions(putter: Caller, bucket: Path) -> None:
    putter.put("there", n={"N": "1"})
    condition = (
        'ConditionExpression:"#n < :most",ExpressionAttributeNames:{\'#n\':"n"},'
        "ExpressionAttributeValues:{':most':1.}"
    )
    lines = [
        '$ion_1_0 {Item:{pk:"a",n:6d2}}',
        f'{{Item:{{pk:"there"}},{condition}}}',
        '{Item:{pk:"b"},ConditionExpression:5}',
        "{Item:[]}",
    ]
    write(bucket, "in/1.ion", *[f"{each}\n".encode() for each in lines])
    found = done(putter, Input={"InputFormat": "ION"})
    assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (4, 2)
    assert putter.get("a") == item("a", n={"N": "600"})
    assert putter.get("there") == item("there", n={"N": "1"})
    assert [reported["Line"] for reported in report(bucket, found, "error")] == [3, 4]


def test_without_its_bucket_it_fails(putter: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", line("a"))
    found = done(putter, Input={"S3Bucket": "absent"})
    assert (found["BulkOperationStatus"], found["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    found = done(putter, Output={"S3Bucket": "absent"})
    assert (found["BulkOperationStatus"], found["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert found["FailureMessage"]
    assert keys(putter) == []


def test_too_many_or_too_large_objects_are_refused(
    putter: Caller, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bucket, "in/1.json", line("a"), line("b"), line("c"))
    write(bucket, "in/2.json", line("d"))
    monkeypatch.setattr(limits, "BULK_OBJECT_BYTES", 60)
    found = done(putter)
    assert (found["FailedItemCount"], found["ProcessedItemCount"]) == (1, 2)
    assert keys(putter) == ["d"]
    (reported,) = report(bucket, found, "error")
    assert reported["S3Key"] == "in/1.json"
    assert "Line" not in reported
    monkeypatch.setattr(limits, "INPUT_OBJECTS", 1)
    found = done(putter)
    assert (found["BulkOperationStatus"], found["FailureCode"]) == ("FAILED", "S3TooManyObjects")


def test_an_empty_prefix_is_completed(putter: Caller) -> None:
    found = done(putter)
    assert found["BulkOperationStatus"] == "COMPLETED"
    assert found["TotalInputBytes"] == found["ProcessedItemCount"] == 0


def test_a_deleted_table_ends_it(putter: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", line("a"))
    arn = begin(putter)["BulkOperationArn"]
    putter.call("DeleteTable", TableName="things")
    putter.keep()
    found = described(putter, arn)
    assert found["BulkOperationStatus"] == "FAILED"
    assert found["FailureCode"] == "ResourceNotFoundException"


def test_a_step_is_bounded(putter: Caller, bucket: Path) -> None:
    many(bucket)
    arn = begin(putter)["BulkOperationArn"]
    putter.keep_step()
    counts = [described(putter, arn)["ProcessedItemCount"]]
    while counts[-1] < 9000:
        putter.keep_step()
        counts.append(described(putter, arn)["ProcessedItemCount"])
    step = limits.LOAD_BATCHES_PER_STEP * limits.COPY_ITEMS_PER_COMMIT
    assert counts == [0, step, 2 * step, 9000]


def test_what_unpacks_to_too_much_takes_several_steps(putter: Caller, bucket: Path) -> None:
    packer = zstd.ZstdCompressor()
    mega = bytes(1024 * 1024)
    bomb = b"".join(packer.compress(mega) for _ in range(300)) + packer.flush()
    write(bucket, "in/1", bomb)
    arn = begin(putter, Input={"InputCompressionType": "ZSTD"})["BulkOperationArn"]
    steps = 0
    while putter.keep_step():
        steps += 1
    assert steps > 2
    found = described(putter, arn)
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (1, 1)
    (reported,) = report(bucket, found, "error")
    assert reported["ErrorMessage"] == "The line is too long"


def test_vectors_are_counted_apart(bucket: Path) -> None:
    caller = Caller(s3_directory=bucket.parent)
    caller.create(VectorIndexes=[vector_index()])
    vector = {"L": [{"N": "1"}, {"N": "0"}, {"N": "2"}]}
    write(bucket, "in/1.json", line("a", v=vector), line("b"))
    (usage,) = done(caller)["BulkOperationUsage"]
    assert usage["VectorIndexes"] == {"near": {"BulkPutVectorBytes": 1024}}
    assert usage["BulkPutBytes"] == usage["Table"]["BulkPutBytes"]
    assert "GlobalSecondaryIndexes" not in usage


def test_the_rate_is_kept(putter: Caller, bucket: Path) -> None:
    # Two units each.
    large = {"S": "x" * 1500}
    write(bucket, "in/1.json", *[line(f"{number:05d}", large=large) for number in range(5000)])
    arn = begin(putter, MaxWriteRequestUnits=1024)["BulkOperationArn"]
    counts: list[int] = []
    for _ in range(11):
        putter.keep()
        counts.append(described(putter, arn)["ProcessedItemCount"])
        putter.clock.advance(SECOND_US)
    batch = limits.COPY_ITEMS_PER_COMMIT
    for second, count in enumerate(counts):
        # What one second allows may be used at once; a batch goes over by less than itself.
        allowed = min(5000, 512 * (second + 1))
        assert allowed - batch <= count <= allowed + batch
    assert described(putter, arn)["BulkOperationStatus"] == "COMPLETED"
    assert described(putter, arn)["MaxWriteRequestUnits"] == 1024


@pytest.mark.parametrize("compression", ["NONE", "GZIP", "ZSTD"])
def test_a_restart_in_the_middle_puts_nothing_twice(
    bucket: Path, tmp_path: Path, compression: str
) -> None:
    caller = Caller(tmp_path / "data", s3_directory=bucket.parent)
    caller.create(StreamSpecification=STREAM)
    pack = {"NONE": bytes, "GZIP": gzip.compress, "ZSTD": zstd.compress}[compression]
    fresh = {"ConditionExpression": "attribute_not_exists(pk)"}
    lines = [json.dumps({**line(f"{number:05d}"), **fresh}).encode() for number in range(6000)]
    lines[0] = json.dumps(line("00000")).encode()
    lines[10] = lines[5990] = b"{"
    write(bucket, "in/1", pack(b"\n".join(lines)))
    arn = begin(caller, Input={"InputCompressionType": compression})["BulkOperationArn"]
    caller.keep_step()
    caller.keep_step()
    assert 0 < described(caller, arn)["ProcessedItemCount"] < 6000
    # Who writes between does not find the item put back.
    caller.put("00000", n={"N": "1"})
    caller.close()
    caller = Caller(tmp_path / "data", clock=caller.clock, s3_directory=bucket.parent)
    caller.keep()
    found = described(caller, arn)
    assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (6000, 2)
    assert found["ProcessedInputBytes"] == found["TotalInputBytes"]
    assert caller.get("00000") == item("00000", n={"N": "1"})
    assert [each["Line"] for each in report(bucket, found, "error")] == [11, 5991]
    assert report(bucket, found, "condition-check-failure") == []
    caller.close()
