"""Routes, statuses and inputs of the Lambda API are those of its service model."""

from __future__ import annotations

from typing import Any

import botocore.loaders
import msgspec
import pytest

from tailrace.api.functions.operation import AnyOperation
from tailrace.api.functions.registry import FUNCTIONS_OPERATIONS

MODEL: dict[str, Any] = botocore.loaders.Loader().load_service_model("lambda", "service-2")
# The service answers deleted functions without a body, whatever its model says.
OTHER_STATUS = {"DeleteFunction"}


@pytest.mark.parametrize("operation", FUNCTIONS_OPERATIONS, ids=lambda each: each.name)
def test_it_is_the_models(operation: AnyOperation) -> None:
    described = MODEL["operations"][operation.name]
    http = described["http"]
    assert (operation.method, operation.path) == (http["method"], http["requestUri"])
    assert operation.status == http["responseCode"]
    shape = MODEL["shapes"][described["input"]["shape"]]
    members = shape["members"]
    names = {field.encode_name for field in msgspec.structs.fields(operation.input)}
    assert names <= members.keys()
    required = {
        field.encode_name for field in msgspec.structs.fields(operation.input) if field.required
    }
    assert required <= set(shape.get("required", ()))
    by_header = {
        member["locationName"].lower(): name
        for name, member in members.items()
        if member.get("location") == "header" and name in names
    }
    assert by_header == operation.headers
    for name in names & members.keys():
        if members[name].get("location") == "querystring":
            spelled = members[name]["locationName"]
            assert spelled[:1].upper() + spelled[1:] == name


def test_no_two_have_the_same_place() -> None:
    places = {(operation.method, operation.path) for operation in FUNCTIONS_OPERATIONS}
    assert len(places) == len(FUNCTIONS_OPERATIONS)
