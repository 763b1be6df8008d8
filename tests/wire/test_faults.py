"""Proves that errors come out as AWS writes them, and that unexpected ones tell nothing."""

import json

import msgspec

from tailrace import errors
from tailrace.wire.faults import fault


def test_code_status_and_message_of_an_aws_error():
    reply = fault(errors.ResourceNotFoundException("Requested resource not found"))
    assert reply.status == 400
    assert reply.body == (
        b'{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",'
        b'"message":"Requested resource not found"}'
    )


def test_some_services_write_message_with_a_capital():
    reply = fault(errors.SerializationException("NUMBER_VALUE cannot be converted to String"))
    assert json.loads(reply.body) == {
        "__type": "com.amazon.coral.service#SerializationException",
        "Message": "NUMBER_VALUE cannot be converted to String",
    }


def test_no_message_means_no_member():
    assert fault(errors.UnknownOperationException()).body == (
        b'{"__type":"com.amazon.coral.service#UnknownOperationException"}'
    )


def test_raw_fields_are_spliced_in():
    error = errors.ConditionalCheckFailedException(
        "The conditional request failed", Item=msgspec.Raw(b'{"a":{"S":"x"}}')
    )
    assert json.loads(fault(error).body)["Item"] == {"a": {"S": "x"}}


def test_an_unexpected_exception_gives_no_details():
    reply = fault(ZeroDivisionError("the secret is 42"))
    assert reply.status == 500
    assert json.loads(reply.body) == {
        "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
        "message": "Internal server error",
    }


def test_the_type_names_of_the_front_doors_errors():
    assert fault(errors.PayloadTooLargeException()).status == 413
    kinds = (errors.ValidationException, errors.MissingAuthenticationTokenException)
    assert [json.loads(fault(kind("x")).body)["__type"] for kind in kinds] == [
        "com.amazon.coral.validate#ValidationException",
        "com.amazon.coral.service#MissingAuthenticationTokenException",
    ]
