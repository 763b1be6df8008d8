"""Exports to and imports from buckets: what is refused before a bucket is looked for, and lists."""

from __future__ import annotations

import pytest

from tests.conformance.client import Answer, Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, keys

REQUEST = "Invalid Request: "
BUCKET: Json = {"S3Bucket": "no-such-bucket"}


def is_detected(answer: Answer, problem: str) -> None:
    """The model refuses a request so. Values of an enumeration come in the order of a hash set,
    which was not seen."""
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message.startswith(f"1 validation error detected: {problem.partition('[')[0]}")


@pytest.fixture(scope="module")
def arn(db: Client, simple: str) -> str:
    return db.describe(simple)["TableArn"]


EXPORTS: dict[str, tuple[Json, str]] = {
    "a key without its algorithm": (
        {"S3SseKmsKeyId": "key"},
        "KMS Key Id is not supported for this encryption type",
    ),
    "a period of no type": (
        {"IncrementalExportSpecification": {"ExportFromTime": 1}},
        (
            "Export Type expected to be Incremental Export when incremental export specification is"
            " provided"
        ),
    ),
    "a period of a full export": (
        {
            "ExportType": "FULL_EXPORT",
            "IncrementalExportSpecification": {"ExportFromTime": 1},
        },
        "When Export Type is Full Export , Incremental Export Specification should not be provided",
    ),
    "no period": (
        {"ExportType": "INCREMENTAL_EXPORT"},
        ("Incremental Export Specification expected when export type is set as Incremental Export"),
    ),
}


@pytest.mark.parametrize("case", EXPORTS)
def test_exports_are_checked(refuses: Refuses, arn: str, case: str) -> None:
    more, problem = EXPORTS[case]
    refuses("ExportTableToPointInTime", {"TableArn": arn, **BUCKET, **more}, REQUEST + problem)


SHAPES: dict[str, tuple[Json, str]] = {
    "no bucket": (
        {"TableArn": "@arn"},
        "Value null at 's3Bucket' failed to satisfy constraint: Member must not be null",
    ),
    "an unknown format": (
        {"TableArn": "@arn", **BUCKET, "ExportFormat": "CSV"},
        (
            "Value 'CSV' at 'exportFormat' failed to satisfy constraint: Member must satisfy enum"
            " value set: ["
        ),
    ),
    "an unknown type": (
        {"TableArn": "@arn", **BUCKET, "ExportType": "SOME"},
        (
            "Value 'SOME' at 'exportType' failed to satisfy constraint: Member must satisfy enum"
            " value set: ["
        ),
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_shape_of_exports_comes_first(db: Client, arn: str, case: str) -> None:
    body, problem = SHAPES[case]
    filled = {name: arn if value == "@arn" else value for name, value in body.items()}
    is_detected(db.send("ExportTableToPointInTime", filled), problem)


def test_what_is_not_recoverable_is_not_exported(refuses: Refuses, arn: str) -> None:
    refuses(
        "ExportTableToPointInTime",
        {"TableArn": arn, **BUCKET},
        "Point in time recovery is not enabled for table '@simple'",
        "PointInTimeRecoveryUnavailableException",
    )


def test_tables_that_are_not_there(refuses: Refuses, arn: str) -> None:
    absent = f"{arn.rpartition('/')[0]}/no-such-table"
    message = f"Table not found: {absent}"
    body = {"TableArn": absent, **BUCKET}
    refuses("ExportTableToPointInTime", body, message, "TableNotFoundException")


def test_exports_that_are_not_there(db: Client, refuses: Refuses, arn: str) -> None:
    absent = f"{arn}/export/01695353076000-a1b2c3d4"
    message = f"Export not found: Export not found: {absent}"
    refuses("DescribeExport", {"ExportArn": absent}, message, "ExportNotFoundException")
    assert db.call("ListExports", {"TableArn": arn}) == {"ExportSummaries": []}
    answer = db.send("DescribeExport", {"ExportArn": f"{arn}/import/1"})
    assert (answer.status, answer.code) == (400, "ValidationException")


# Imports -----------------------------------------------------------------------------------------


def imported(table: str, **more: object) -> Json:
    return {
        "S3BucketSource": {"S3Bucket": "no-such-bucket"},
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": {
            "TableName": table,
            "AttributeDefinitions": definitions(("a", "S")),
            "KeySchema": keys("a"),
            "BillingMode": "PAY_PER_REQUEST",
        },
        **more,
    }


def test_a_table_of_the_name_is_not_imported_over(refuses: Refuses) -> None:
    message = "Table already exists: @simple"
    refuses("ImportTable", imported("@simple"), message, "ResourceInUseException")


def test_options_are_for_their_format(refuses: Refuses) -> None:
    body = imported("never-made", InputFormatOptions={"Csv": {"Delimiter": ";"}})
    message = f"{REQUEST}Unsupported InputFormatOptions for the given input format: DYNAMODB_JSON."
    refuses("ImportTable", body, message)


IMPORTS: dict[str, tuple[Json, str]] = {
    "an unknown format": (
        imported("never-made", InputFormat="XML"),
        (
            "Value 'XML' at 'inputFormat' failed to satisfy constraint: Member must satisfy enum"
            " value set: ["
        ),
    ),
    "an unknown compression": (
        imported("never-made", InputCompressionType="LZ4"),
        (
            "Value 'LZ4' at 'inputCompressionType' failed to satisfy constraint: Member must"
            " satisfy enum value set: ["
        ),
    ),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_the_shape_of_imports_comes_first(db: Client, case: str) -> None:
    body, problem = IMPORTS[case]
    is_detected(db.send("ImportTable", body), problem)


def test_the_table_of_an_import_is_checked_as_any(db: Client) -> None:
    body = imported("never-made")
    body["TableCreationParameters"]["KeySchema"] = keys("b")
    answer = db.send("ImportTable", body)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert db.send("DescribeTable", {"TableName": "never-made"}).code == "ResourceNotFoundException"


def test_imports_that_are_not_there(db: Client, refuses: Refuses, arn: str) -> None:
    absent = f"{arn}/import/01695353076000-a1b2c3d4"
    message = f"Import not found: Import not found: {absent}"
    refuses("DescribeImport", {"ImportArn": absent}, message, "ImportNotFoundException")
    assert db.call("ListImports", {"TableArn": arn}) == {"ImportSummaryList": []}
