"""Proves that the input structs of all registered operations have the members, types and bounds of
the service's model."""

import importlib
import importlib.util
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import inspect

from tailrace.wire.decode import HOT_OPERATIONS
from tailrace.wire.differences import REQUIRED_MAPS
from tailrace.wire.shapes import Shape, input_shape

SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Kinesis_20131202": "kinesis",
}
# Bounds that the operations check themselves: pages of streams, and the names of attributes.
CHECKED_BY_OPERATIONS = {("Limit", 1000)}
LONGEST_NAME = 65_535
KINDS: dict[str, tuple[type, ...]] = {
    "string": (inspect.StrType, inspect.LiteralType, inspect.EnumType),
    "integer": (inspect.IntType,),
    "long": (inspect.IntType,),
    "float": (inspect.FloatType,),
    "double": (inspect.FloatType,),
    "timestamp": (inspect.FloatType, inspect.IntType),
    "boolean": (inspect.BoolType,),
    "blob": (inspect.StrType, inspect.BytesType),
    "list": (inspect.ListType, inspect.VarTupleType),
    "map": (inspect.DictType,),
    "structure": (inspect.StructType, inspect.TypedDictType),
}


def registered() -> dict[str, Any]:
    if importlib.util.find_spec("tailrace.api.registry") is None:
        return {}
    return dict(importlib.import_module("tailrace.api.registry").OPERATIONS)


def disagreements(shape: Shape, input_type: Any, hot: bool) -> list[str]:
    """What differs between a struct and the shape it stands for, by the paths of the members."""
    return _structure("", shape, inspect.type_info(input_type), hot, set())


def _structure(path: str, shape: Shape, info: Any, hot: bool, seen: set[Any]) -> list[str]:
    if info.cls in seen:
        return []
    seen = seen | {info.cls}
    fields = {field.encode_name: field for field in info.fields}
    found = [f"{path}{name}: missing" for name in shape.members if name not in fields]
    for name, field in fields.items():
        member = shape.members.get(name)
        if member is None:
            found.append(f"{path}{name}: not in the model")
            continue
        if field.required and name not in shape.required and shape.name != "Tag":
            found.append(f"{path}{name}: required, but optional in the model")
        found += _type(path + name, member, field.type, hot, seen)
    return found


def _type(path: str, shape: Shape, info: Any, hot: bool, seen: set[Any]) -> list[str]:
    if isinstance(info, inspect.UnionType):
        kept = [t for t in info.types if not isinstance(t, inspect.NoneType)]
        if len(kept) != 1:
            return [f"{path}: a union of {len(kept)} types"]
        info = kept[0]
    if isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.RawType | inspect.AnyType):
        return []
    if shape.name == "AttributeValue":
        return [] if isinstance(info, inspect.DictType) else [f"{path}: not an attribute value"]
    if shape.kind == "structure" and isinstance(info, inspect.DictType):
        # Read by hand; then the operation raises Malformed for what isn't as it should be.
        entries: Any = info.value_type
        return [] if isinstance(entries, inspect.AnyType) else [f"{path}: a map"]
    if not isinstance(info, KINDS[shape.kind]):
        return [f"{path}: {type(info).__name__} for a {shape.kind}"]
    found = _bounds(path, shape, info) if hot else []
    if shape.kind == "structure":
        return found + _structure(path + ".", shape, info, hot, seen)
    if shape.kind == "list":
        assert shape.element is not None
        item: Any = info
        return found + _type(path + "[]", shape.element, item.item_type, hot, seen)
    if shape.kind == "map":
        assert shape.element is not None
        entry: Any = info
        return found + _type(path + "{}", shape.element, entry.value_type, hot, seen)
    return found


def _bounds(path: str, shape: Shape, info: Any) -> list[str]:
    if shape.enum:
        if isinstance(info, inspect.LiteralType):
            same = set(info.values) == set(shape.enum)
        else:
            members = getattr(info, "cls", ())
            same = {member.value for member in members} == set(shape.enum)
        return [] if same else [f"{path}: other values than the model's"]
    if shape.kind in ("integer", "long", "float", "double"):
        declared = (info.ge, info.le)
    elif hasattr(info, "min_length"):
        declared = (info.min_length, info.max_length)
    else:
        return []
    # Names may be ARNs, whose length is the one that holds for both.
    maximum = 1024 if shape.arn else shape.maximum
    if (path, maximum) in CHECKED_BY_OPERATIONS or maximum == LONGEST_NAME:
        maximum = declared[1]
    # An empty map is refused in words of its own, so the model has no bound for it.
    minimum = 1 if path in REQUIRED_MAPS.values() else shape.minimum
    expected = (minimum, maximum)
    return [] if declared == expected else [f"{path}: {declared} where the model has {expected}"]


def test_inputs_agree_with_the_model():
    found: dict[str, list[str]] = {}
    for target, operation in registered().items():
        prefix, _, name = target.partition(".")
        service = SERVICES.get(prefix)
        shape = input_shape(service, name) if service else None
        if shape is not None:
            found[target] = disagreements(shape, operation.input, name in HOT_OPERATIONS)
    if not found:
        pytest.skip("no operations are registered yet")
    assert {target: differences for target, differences in found.items() if differences} == {}


def test_disagreements_are_found():
    bounded = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
    good = msgspec.defstruct("Good", [("ShardIterator", bounded), ("Limit", limit | None, None)])
    bad = msgspec.defstruct("Bad", [("Limit", int), ("ShardIterator", int), ("Other", str, "")])
    shape = input_shape("dynamodbstreams", "GetRecords")
    assert shape is not None
    assert disagreements(shape, good, hot=True) == []
    assert disagreements(shape, bad, hot=True) == [
        "Limit: required, but optional in the model",
        "Limit: (None, None) where the model has (1, None)",
        "ShardIterator: IntType for a string",
        "Other: not in the model",
    ]
    lacking = msgspec.defstruct("Lacking", [("ShardIterator", str)])
    assert disagreements(shape, lacking, hot=False) == ["Limit: missing"]


def test_nested_structures_and_attribute_values_are_compared():
    request = msgspec.defstruct("PutRequest", [("Item", dict[str, dict[str, Any]])])
    write = msgspec.defstruct(
        "WriteRequest", [("PutRequest", request | None, None), ("DeleteRequest", int, 0)]
    )
    batch = msgspec.defstruct(
        "Batch",
        [
            ("RequestItems", dict[str, list[write]]),
            ("ReturnConsumedCapacity", str | None, None),
            ("ReturnItemCollectionMetrics", str | None, None),
        ],
    )
    shape = input_shape("dynamodb", "BatchWriteItem")
    assert shape is not None
    assert disagreements(shape, batch, hot=False) == [
        "RequestItems{}[].DeleteRequest: IntType for a structure"
    ]
