"""Proves that what is under way survives whatever ends a step, and that what was open is let go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tailrace.engines.buckets import DirectoryBuckets
from tailrace.errors import AwsError, ConditionalCheckFailedException, InternalServerError
from tailrace.tables.engine import Outcome, Write
from tailrace.tables.transfer.buckets import Encryption
from tailrace.tables.transfer.step import Transfers
from tailrace.testing.calling import Caller


@pytest.fixture
def caller(bucket: Path) -> Caller:
    made = Caller(s3_directory=bucket.parent)
    made.create()
    return made


class Interrupted:
    """An engine whose next commits of several writes go wrong, before or after they are made."""

    def __init__(self, caller: Caller, meanwhile: Callable[[], None] | None = None) -> None:
        self._engine: Any = caller.engine
        self._meanwhile = meanwhile
        self.failing = 0
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        failed: Outcome = [InternalServerError("lost")] * len(unit)
        if len(unit) > 1 and self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        if len(unit) > 1 and self.failing:
            self.failing -= 1
            done(failed)
        elif len(unit) > 1 and self.lost:
            self.lost -= 1
            self._engine.submit(unit, lambda outcome: done(failed))
        else:
            self._engine.submit(unit, done)


def begin(caller: Caller, bucket: Path, text: str, **output: Any) -> str:
    (bucket / "1").write_text(text)
    where = {"S3Bucket": "bucket"}
    begun = caller.call(
        "StartBulkPutItems",
        TableName="things",
        InputS3Configuration={**where, "InputFormat": "DYNAMODB_JSON"},
        OutputS3Configuration={
            **where,
            "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"],
            **output,
        },
    )
    return begun["BulkOperationDescription"]["BulkOperationArn"]


def described(caller: Caller, arn: str) -> dict[str, Any]:
    answer = caller.call("DescribeBulkOperation", BulkOperationArn=arn)
    return answer["BulkOperationDescription"]


TEXT = '{"Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)"}\n{\n'


@pytest.mark.parametrize("way", ["failing", "lost"])
def test_an_engine_that_fails_loses_nothing(caller: Caller, bucket: Path, way: str) -> None:
    arn = begin(caller, bucket, TEXT)
    engine: Any = Interrupted(caller)
    setattr(engine, way, 1)
    transfers = Transfers(DirectoryBuckets(bucket.parent))
    now_us = caller.clock.now_us()
    assert transfers.advance(engine, now_us)
    with pytest.raises(AwsError):
        transfers.advance(engine, now_us)
    while transfers.advance(engine, now_us):
        pass
    found = described(caller, arn)
    # Put once, and no condition failed for what was put already.
    assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (2, 1)
    assert found["BulkOperationUsage"][0]["BulkPutBytes"] == 3
    assert caller.get("a") is not None


def test_a_condition_that_stops_to_hold_is_looked_at_again(caller: Caller, bucket: Path) -> None:
    arn = begin(caller, bucket, TEXT)
    engine: Any = Interrupted(caller, meanwhile=lambda: caller.put("a", n={"N": "1"}))
    transfers = Transfers(DirectoryBuckets(bucket.parent))
    while transfers.advance(engine, caller.clock.now_us()):
        pass
    found = described(caller, arn)
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (2, 1)
    assert found["BulkOperationUsage"][0]["BulkPutBytes"] == 0
    assert caller.get("a") == {"pk": {"S": "a"}, "n": {"N": "1"}}
    assert ConditionalCheckFailedException.code in "".join(
        path.read_text() for path in bucket.rglob("condition-check-failure/*")
    )


def test_what_is_written_is_encrypted_as_asked_for(caller: Caller, bucket: Path) -> None:
    written: dict[str, Encryption | None] = {}

    class Watched(DirectoryBuckets):
        def write(
            self, bucket: str, key: str, data: bytes, encryption: Encryption | None = None
        ) -> None:
            written[key] = encryption
            super().write(bucket, key, data, encryption)

    transfers = Transfers(Watched(bucket.parent))
    for more, wanted in (
        ({}, None),
        ({"S3SseAlgorithm": "AES256"}, Encryption("AES256")),
        ({"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": "k"}, Encryption("KMS", "k")),
    ):
        written.clear()
        begin(caller, bucket, "{\n", **more)
        while transfers.advance(caller.engine, caller.clock.now_us()):
            pass
        assert set(written.values()) == {wanted}
        assert any("/error/" in key for key in written)


def test_what_was_open_is_let_go(caller: Caller, bucket: Path) -> None:
    opened: list[Any] = []

    class Watched(DirectoryBuckets):
        def open(self, bucket: str, key: str) -> Any:
            opened.append(super().open(bucket, key))
            return opened[-1]

    lines = [f'{{"Item": {{"pk": {{"S": "{number}"}}}}}}\n' for number in range(5000)]
    arn = begin(caller, bucket, "".join(lines))
    transfers = Transfers(Watched(bucket.parent))
    for _ in range(2):
        transfers.advance(caller.engine, caller.clock.now_us())
    assert [file.closed for file in opened] == [False]
    caller.call("CancelBulkOperation", BulkOperationArn=arn)
    transfers.advance(caller.engine, caller.clock.now_us())
    transfers.advance(caller.engine, caller.clock.now_us())
    assert [file.closed for file in opened] == [True]
    begin(caller, bucket, "".join(lines))
    for _ in range(2):
        transfers.advance(caller.engine, caller.clock.now_us())
    transfers.close()
    assert all(file.closed for file in opened)
