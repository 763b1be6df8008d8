"""From a request's bytes to an operation's typed input: one cheap pass when all is well.

How input structs are written (`tests/wire/test_inputs_match_model.py` holds them to it):

- `class PutItemInput(msgspec.Struct, rename="pascal", frozen=True, gc=False)`: the wire's names in
  snake case. Where "pascal" doesn't give the wire's name (`SSESpecification`),
  `msgspec.field(name=...)` does.
- Required members have no default. Optional ones are `T | None = None`: to the service, a null is
  an absent member.
- Types are the model's: str, int, bool, float, `list[...]`, `dict[str, ...]`, nested structs,
  `Literal[...]` for enumerations. Attribute values are `dict[str, Any]`
  (`model.values.AttributeValue`), items `dict[str, dict[str, Any]]`; `msgspec.Raw` may stand for
  anything that is passed on unread.
- In hot operations (`HOT_OPERATIONS`), lengths, ranges and enumerations are declared on the struct,
  equal to the service's: `Annotated[int, msgspec.Meta(ge=1)]`. Patterns are not: a regular
  expression on every request is dear, and a name that breaks one is not the name of anything. So
  whoever answers ValidationException or ResourceNotFoundException asks `Decoder.overruled` for the
  error that comes first.
- All other operations are rare, and their requests are checked against the model before they are
  decoded: no constraints are needed there.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec

from tailrace.errors import AwsError, ResourceNotFoundException, ValidationException
from tailrace.wire.validation import examine, explain

__all__ = ["HOT_OPERATIONS", "Decoder"]

HOT_OPERATIONS: Final = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "GetRecords",
        "GetShardIterator",
        "PutItem",
        "PutRecord",
        "PutRecords",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)

_Input = TypeVar("_Input")


class Decoder(Generic[_Input]):
    """Decodes one operation's requests. `service` is botocore's name: dynamodb, dynamodbstreams or
    kinesis."""

    __slots__ = ("_decode", "_hot", "operation", "service")

    def __init__(self, service: str, operation: str, input_type: type[_Input]) -> None:
        self.service = service
        self.operation = operation
        self._hot = operation in HOT_OPERATIONS
        self._decode = msgspec.json.Decoder(input_type).decode

    def decode(self, body: bytes) -> _Input:
        """The typed input of a request's JSON. Raises SerializationException or ValidationException
        in AWS's words.

        An empty body is no JSON, so it is a SerializationException, as it is for the service.
        """
        if not self._hot:
            return self.decode_leniently(body)
        try:
            return self._decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass  # outside the handler, so that the error raised doesn't drag this one along
        return self.decode_leniently(body)

    def decode_leniently(self, body: bytes) -> _Input:
        """The typed input of a request read against the service's model: the slow path.

        The service forgives null members, unknown types inside attribute values, fractions of
        integers and booleans written as strings; a typed decoder doesn't. What is left is a fault,
        raised in AWS's words. Call this once more with the same body when `model.values.Malformed`
        was raised from an attribute value, and run the operation again on what it returns.
        """
        found = examine(self.service, self.operation, body)
        if isinstance(found, AwsError):
            raise found
        try:
            return self._decode(msgspec.json.encode(found))
        except msgspec.DecodeError as error:
            reason = str(error)
        raise ValidationException(f"One or more parameter values were invalid: {reason}")

    def overruled(self, body: bytes, error: AwsError) -> AwsError:
        """The error to answer when the operation failed with `error`: what the model finds comes
        before what it found.

        Only errors that the input may have caused are looked into; the others are returned as they
        are.
        """
        if not self._hot or not isinstance(error, ValidationException | ResourceNotFoundException):
            return error
        return explain(self.service, self.operation, body) or error
