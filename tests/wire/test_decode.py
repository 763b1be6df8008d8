"""Proves that good requests are decoded in one pass, odd ones as the service would, and bad ones
refused in its words."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from tailrace import errors
from tailrace.wire import decode
from tailrace.wire.decode import Decoder


class PutInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    item: dict[str, dict[str, Any]]
    return_values: Literal["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"] | None = None


class ScanInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: str
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    consistent_read: bool | None = None


class DescribeInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: str


PUT = Decoder("dynamodb", "PutItem", PutInput)
SCAN = Decoder("dynamodb", "Scan", ScanInput)
DESCRIBE = Decoder("dynamodb", "DescribeTable", DescribeInput)


def test_a_good_request_never_meets_the_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decode, "examine", None)
    body = b'{"TableName":"abc","Item":{"a":{"S":"x"}},"Unknown":{"x":[1]}}'
    assert PUT.decode(body) == PutInput("abc", {"a": {"S": "x"}})


def test_what_the_service_forgives_is_decoded():
    body = b'{"TableName":"abc","Limit":5.7,"ConsistentRead":"True","IndexName":null}'
    assert SCAN.decode(body) == ScanInput("abc", 5, True)
    body = b'{"TableName":"abc","Item":{"a":{"S":"x","N":null,"?":1}},"ReturnValues":null}'
    assert PUT.decode_leniently(body) == PutInput("abc", {"a": {"S": "x"}})


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"", "SerializationException", ""),
        (b'{"TableName":', "SerializationException", ""),
        (b'{"TableName":"\xff"}', "SerializationException", ""),
        (b'{"TableName":"a","Item":' + b"[" * 5000, "SerializationException", ""),
        (
            b'{"TableName":5}',
            "SerializationException",
            "NUMBER_VALUE cannot be converted to String",
        ),
        (
            b'{"TableName":"abc"}',
            "ValidationException",
            (
                "1 validation error detected: Value null at 'item' failed to satisfy "
                "constraint: Member must not be null"
            ),
        ),
    ],
)
def test_faults_are_raised_in_the_services_words(body: bytes, code: str, message: str):
    with pytest.raises(errors.AwsError) as raised:
        PUT.decode(body)
    assert (raised.value.code, raised.value.message) == (code, message)
    assert raised.value.__context__ is None


def test_rare_operations_are_checked_before_they_are_decoded():
    with pytest.raises(errors.ValidationException, match="greater than or equal to 3"):
        DESCRIBE.decode(b'{"TableName":"ab"}')
    assert DESCRIBE.decode(b'{"TableName":"abc"}') == DescribeInput("abc")


def test_a_stricter_struct_still_gives_an_aws_error():
    class Stricter(msgspec.Struct, rename="pascal"):
        table_name: Literal["only-this"]

    with pytest.raises(errors.ValidationException, match="Invalid enum value"):
        Decoder("dynamodb", "Scan", Stricter).decode(b'{"TableName":"abc"}')


def test_the_models_fault_overrules_what_the_operation_found():
    missing = errors.ResourceNotFoundException("Requested resource not found")
    bad = b'{"TableName":"bad name","Item":{}}'
    assert "regular expression pattern" in PUT.overruled(bad, missing).message
    assert PUT.overruled(b'{"TableName":"abc","Item":{}}', missing) is missing
    failed = errors.ConditionalCheckFailedException("The conditional request failed")
    assert PUT.overruled(bad, failed) is failed
