"""Proves that no damaged request gets anything but an answer or an AWS error out of the wire."""

import json
from typing import Any

import msgspec
import pytest

from tailrace.errors import AwsError, SerializationException, ValidationException
from tailrace.model.values import Malformed, canonical_item
from tailrace.testing.mutations import VALID_REQUESTS, mutated_requests
from tailrace.wire.decode import Decoder
from tailrace.wire.faults import fault
from tailrace.wire.validation import explain

SERVICES = {"DynamoDB_20120810": "dynamodb", "DynamoDBStreams_20120810": "dynamodbstreams"}
REQUESTS = 3000


class PutInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: str
    item: dict[str, dict[str, Any]]


def parts(target: str) -> tuple[str, str]:
    prefix, _, operation = target.partition(".")
    return SERVICES[prefix], operation


@pytest.mark.parametrize("request_", VALID_REQUESTS, ids=lambda request: request.target)
def test_the_requests_to_damage_are_valid(request_: Any):
    service, operation = parts(request_.target)
    assert explain(service, operation, json.dumps(request_.body).encode()) is None


def test_the_same_seed_gives_the_same_requests():
    assert list(mutated_requests(5, 50)) == list(mutated_requests(5, 50))
    assert list(mutated_requests(5, 50)) != list(mutated_requests(6, 50))


def test_every_damage_is_done():
    damages = {name for m in mutated_requests(1, 2000) for name in m.damage.split(" + ")}
    assert len(damages) == 13


def test_explain_gives_an_error_of_the_front_door_or_none():
    found: dict[str, int] = {}
    for mutated in mutated_requests(11, REQUESTS):
        error = explain(*parts(mutated.target), mutated.body)
        assert error is None or type(error) in (SerializationException, ValidationException), (
            mutated
        )
        if error is not None:
            assert fault(error).status == 400
        found[type(error).__name__] = found.get(type(error).__name__, 0) + 1
    assert min(found.values()) > REQUESTS // 20, found


def test_decoding_gives_an_input_or_an_aws_error():
    decoder = Decoder("dynamodb", "PutItem", PutInput)
    puts = [request for request in VALID_REQUESTS if request.target.endswith(".PutItem")]
    for mutated in mutated_requests(12, REQUESTS, puts):
        try:
            decoded = decoder.decode(mutated.body)
        except AwsError:
            continue
        assert isinstance(decoded, PutInput), mutated
        assert_canonicalised_or_refused(decoder, decoded, mutated.body)


def assert_canonicalised_or_refused(
    decoder: Decoder[PutInput], decoded: PutInput, body: bytes
) -> None:
    """An item is canonicalised, refused, or malformed; when malformed, reading it leniently mends
    or refuses it, but for a null in a set, which stays malformed."""
    try:
        canonical_item(decoded.item)
    except AwsError:
        pass
    except Malformed:
        try:
            canonical_item(decoder.decode_leniently(body).item)
        except AwsError:
            pass
        except Malformed:
            assert b'S": [null' in body or b", null" in body
