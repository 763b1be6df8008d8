"""Proves that tables are made of files in a bucket, in all formats, and that faults are counted."""

from __future__ import annotations

import gzip
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from backports import zstd

from tailrace import limits
from tailrace.tables.transfer.importing import importing
from tailrace.testing.calling import Caller
from tailrace.testing.driving import alter

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/made"
PACK = {"GZIP": gzip.compress, "ZSTD": zstd.compress}
CREATION = {
    "TableName": "made",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def importer(bucket: Path) -> Caller:
    return Caller(s3_directory=bucket.parent)


def asked(**more: Any) -> dict[str, Any]:
    return {
        "S3BucketSource": {"S3Bucket": "bucket", "S3KeyPrefix": "in/"},
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": CREATION,
        **more,
    }


def begin(caller: Caller, **more: Any) -> dict[str, Any]:
    return caller.call("ImportTable", **asked(**more))["ImportTableDescription"]


def done(caller: Caller, **more: Any) -> dict[str, Any]:
    """An import that is over."""
    begun = begin(caller, **more)
    assert begun["ImportStatus"] == "IN_PROGRESS"
    caller.keep()
    return described(caller, begun["ImportArn"])


def described(caller: Caller, arn: str) -> dict[str, Any]:
    return caller.call("DescribeImport", ImportArn=arn)["ImportTableDescription"]


def write(bucket: Path, key: str, content: bytes) -> None:
    path = bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def json_lines(*keys: str) -> bytes:
    return b"".join(json.dumps({"Item": {"pk": {"S": key}}}).encode() + b"\n" for key in keys)


def keys(caller: Caller) -> list[str]:
    return sorted(item["pk"]["S"] for item in caller.scan("made"))


def test_all_objects_under_the_prefix_are_imported(importer: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", json_lines("a", "b"))
    write(bucket, "in/deep/2.json", json_lines("c", "b"))
    write(bucket, "other/3.json", json_lines("d"))
    found = done(importer)
    assert found["ImportStatus"] == "COMPLETED"
    assert found["ImportedItemCount"] == found["ProcessedItemCount"] == 4
    assert found["ErrorCount"] == 0
    assert found["ProcessedSizeBytes"] == len(json_lines("a", "b", "c", "b"))
    assert found["S3BucketSource"]["S3BucketOwner"] == "000000000000"
    assert found["InputCompressionType"] == "NONE"
    assert found["TableCreationParameters"] == CREATION
    assert keys(importer) == ["a", "b", "c"]
    importer.put("d", "made")


def test_the_table_cannot_be_used_before_it_is_whole(importer: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", json_lines("a"))
    begun = begin(importer)
    assert begun["TableArn"] == ARN
    shown = importer.call("DescribeTable", TableName="made")["Table"]
    assert shown["TableStatus"] == "CREATING"
    assert begun["TableId"] == shown["TableId"]
    item = {"TableName": "made", "Item": {"pk": {"S": "x"}}}
    assert importer.refused("PutItem", **item).code == "ResourceNotFoundException"
    assert importer.refused("DeleteTable", TableName="made").code == "ResourceInUseException"
    importer.keep()
    assert keys(importer) == ["a"]


def test_faulty_items_are_counted_and_fail_the_import(importer: Caller, bucket: Path) -> None:
    faulty = [
        b"{",
        b'{"Other": {}}',
        b'{"Item": {"other": {"S": "x"}}}',
        b'{"Item": {"pk": {"N": "1"}}}',
        b'{"Item": {"pk": {"S": ""}}}',
        b'{"Item": {"pk": {"S": "x"}, "n": {"N": "x"}}}',
        b'{"Item": {"pk": {"S": "x"}, "n": 5}}',
        b'{"Item": {"pk": {"S": "x"}, "long": {"S": "' + b"x" * 410_000 + b'"}}}',
        b"\xff\xfe",
        b"x" * 5_000_000,
    ]
    write(bucket, "in/1.json", b"\n".join([*faulty, json_lines("a"), b""]))
    found = done(importer)
    assert found["ImportStatus"] == "FAILED"
    assert found["FailureCode"] == "ItemValidationError"
    assert (found["ErrorCount"], found["ImportedItemCount"]) == (len(faulty), 1)
    assert keys(importer) == ["a"]


@pytest.mark.parametrize("compression", sorted(PACK))
def test_compressed_objects_are_read(importer: Caller, bucket: Path, compression: str) -> None:
    size = 0
    for name, key in (("in/1", "a"), ("in/2", "b")):
        packed = PACK[compression](json_lines(key))
        write(bucket, name, packed)
        size += len(packed)
    found = done(importer, InputCompressionType=compression)
    assert (found["ImportStatus"], found["InputCompressionType"]) == ("COMPLETED", compression)
    assert found["ProcessedSizeBytes"] == size
    assert keys(importer) == ["a", "b"]


@pytest.mark.parametrize("compression", sorted(PACK))
@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_broken_stream_is_a_fault(
    importer: Caller, bucket: Path, compression: str, damage: str
) -> None:
    whole = PACK[compression](json_lines("a"))
    write(bucket, "in/1", whole[:-9] if damage == "cut" else b"not compressed")
    found = done(importer, InputCompressionType=compression)
    assert (found["ImportStatus"], found["ErrorCount"]) == ("FAILED", 1)


def test_what_cannot_be_read_here_is_refused(
    importer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    importer.call("ListImports")  # imports what answers
    monkeypatch.setattr(importlib, "import_module", absent)
    refused = importer.refused("ImportTable", **asked(InputCompressionType="ZSTD"))
    assert refused.code == "ValidationException"
    assert "pip install 'tailrace[zstd]'" in refused.message


def test_so_many_run_at_once_and_no_more(importer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORTS_AT_ONCE", 1)
    begin(importer)
    other = asked(TableCreationParameters={**CREATION, "TableName": "other"})
    assert importer.refused("ImportTable", **other).code == "LimitExceededException"
    importer.keep()
    importer.call("ImportTable", **other)


def test_ion_is_read(importer: Caller, bucket: Path) -> None:
    write(bucket, "in/1.ion", b'$ion_1_0 {Item:{pk:"a",n:6d2}}\n$ion_1_0 {Item:[]}\n')
    found = done(importer, InputFormat="ION")
    assert (found["ImportedItemCount"], found["ErrorCount"]) == (1, 1)
    assert importer.get("a", "made") == {"pk": {"S": "a"}, "n": {"N": "600"}}


def test_csv_columns_are_strings_but_for_keys(importer: Caller, bucket: Path) -> None:
    write(bucket, "in/1.csv", b'pk,n,text\n1,2,"x, ""y"""\n2,3\n')
    numbered = [{"AttributeName": "pk", "AttributeType": "N"}]
    found = done(
        importer,
        InputFormat="CSV",
        TableCreationParameters={**CREATION, "AttributeDefinitions": numbered},
    )
    assert (found["ImportedItemCount"], found["ErrorCount"]) == (1, 1)
    assert importer.scan("made") == [{"pk": {"N": "1"}, "n": {"S": "2"}, "text": {"S": 'x, "y"'}}]


def test_csv_may_have_its_header_beside_it(importer: Caller, bucket: Path) -> None:
    write(bucket, "in/1.csv", b"a;1\nb;2\n")
    options = {"Csv": {"Delimiter": ";", "HeaderList": ["pk", "n"]}}
    done(importer, InputFormat="CSV", InputFormatOptions=options)
    assert importer.get("b", "made") == {"pk": {"S": "b"}, "n": {"S": "2"}}


def test_indexes_are_filled(importer: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", b'{"Item": {"pk": {"S": "a"}, "g": {"S": "x"}}}\n')
    indexed = {
        **CREATION,
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in ("g", "pk")
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    done(importer, TableCreationParameters=indexed)
    found = importer.call("Scan", TableName="made", IndexName="by-g")
    assert found["Count"] == 1


def test_without_its_bucket_there_is_no_table(importer: Caller) -> None:
    found = done(importer, S3BucketSource={"S3Bucket": "absent"})
    assert (found["ImportStatus"], found["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert importer.call("ListTables")["TableNames"] == []
    assert found["TableArn"] == ARN


def test_an_empty_prefix_makes_an_empty_table(importer: Caller) -> None:
    assert done(importer)["ImportStatus"] == "COMPLETED"
    assert keys(importer) == []


def test_a_token_stands_for_an_import_under_way(importer: Caller) -> None:
    first = begin(importer, ClientToken="t")
    assert begin(importer, ClientToken="t")["ImportArn"] == first["ImportArn"]
    other = asked(ClientToken="t", TableCreationParameters={**CREATION, "TableName": "other"})
    refused = importer.refused("ImportTable", **other)
    assert (refused.code, refused.message) == (
        "ImportConflictException",
        "Import conflict: Duplicate request detected with conflicting parameters",
    )
    importer.keep()
    assert importer.refused("ImportTable", **asked(ClientToken="t")).code == (
        "ResourceInUseException"
    )


def test_imports_are_listed_and_outlive_their_tables(importer: Caller) -> None:
    arns: list[str] = []
    for name in ("made", "other"):
        creation = {**CREATION, "TableName": name}
        arns.insert(0, begin(importer, TableCreationParameters=creation)["ImportArn"])
        importer.clock.advance(1_000_000)
    importer.keep()
    page = importer.call("ListImports", PageSize=1)
    assert [summary["ImportArn"] for summary in page["ImportSummaryList"]] == arns[:1]
    rest = importer.call("ListImports", NextToken=page["NextToken"])
    assert [summary["ImportArn"] for summary in rest["ImportSummaryList"]] == arns[1:]
    importer.call("DeleteTable", TableName="made")
    (summary,) = importer.call("ListImports", TableArn=ARN)["ImportSummaryList"]
    assert summary["ImportStatus"] == "COMPLETED"


@pytest.mark.parametrize(
    ("members", "start"),
    [
        ({"InputCompressionType": "LZ4"}, "1 validation error detected: Value 'LZ4'"),
        (
            {"InputFormatOptions": {"Csv": {"Delimiter": ","}}},
            (
                "Invalid Request: Unsupported InputFormatOptions for the given input format:"
                " DYNAMODB_JSON."
            ),
        ),
    ],
)
def test_requests_are_checked(importer: Caller, members: dict[str, Any], start: str) -> None:
    refused = importer.refused("ImportTable", **asked(**members))
    assert refused.code == "ValidationException"
    assert refused.message.startswith(start)


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (ARN, "ValidationException"),
        (f"{ARN}/export/01-a", "ValidationException"),
        (f"{ARN}/import/01234567890123-a1b2c3d4", "ImportNotFoundException"),
    ],
)
def test_imports_are_named_by_their_arns(importer: Caller, arn: str, code: str) -> None:
    assert importer.refused("DescribeImport", ImportArn=arn).code == code


def test_what_was_exported_can_be_imported(importer: Caller, bucket: Path) -> None:
    importer.create()
    importer.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    for number in range(50):
        importer.put(str(number), l={"L": [{"N": "1.50"}, {"NULL": True}]}, b={"B": "aGk="})
    for kind in ("DYNAMODB_JSON", "ION"):
        members = {"TableArn": importer.table().arn, "S3Bucket": "bucket", "ExportFormat": kind}
        arn = importer.call("ExportTableToPointInTime", **members)["ExportDescription"]["ExportArn"]
        importer.keep()
        prefix = f"AWSDynamoDB/{arn.rpartition('/')[2]}/data/"
        name = f"made-{kind}"
        found = done(
            importer,
            S3BucketSource={"S3Bucket": "bucket", "S3KeyPrefix": prefix},
            InputFormat=kind,
            InputCompressionType="GZIP",
            TableCreationParameters={**CREATION, "TableName": name},
        )
        assert (found["ImportStatus"], found["ImportedItemCount"]) == ("COMPLETED", 50)
        assert sorted(importer.scan(name), key=str) == sorted(importer.scan(), key=str)


def test_an_import_goes_on_after_a_restart(disk: Any, tmp_path: Path) -> None:
    caller = disk.open()
    bucket = tmp_path / "buckets" / "bucket"
    write(bucket, "in/1.json", json_lines(*map(str, range(700))))
    arn = begin(caller)["ImportArn"]
    caller = disk.open()
    caller.keep()
    assert described(caller, arn)["ImportedItemCount"] == 700
    assert len(keys(caller)) == 700


def test_a_table_whose_import_was_never_noted_down_goes(importer: Caller) -> None:
    importer.create("made")
    lost = importing(("000000000000", "us-east-1", "made"))
    alter(importer.engine, lost)
    importer.keep()
    assert importer.call("ListTables")["TableNames"] == ["made"]
    importer.clock.advance(61 * 1_000_000)
    importer.keep()
    assert importer.call("ListTables")["TableNames"] == []
