"""Tables with vector indexes, vectors and searches, as tests of several operations need them."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller

Json = dict[str, Any]

INVALID = "One or more parameter values were invalid: "


def index(name: str = "near", **more: Any) -> Json:
    """A vector index of three dimensions on `v`, with everything projected."""
    return {
        "IndexName": name,
        "VectorAttribute": {"AttributeName": "v"},
        "Dimensions": 3,
        "DistanceFunction": "COSINE",
        "Projection": {"ProjectionType": "ALL"},
        **more,
    }


def schema(**roles: str) -> Json:
    """A search schema: roles by attribute names."""
    return {
        "SearchSchema": [
            {"AttributeName": name, "SearchSchemaElementType": role} for name, role in roles.items()
        ]
    }


def definitions(**types: str) -> Json:
    """Attribute definitions, beside that of `pk`."""
    return {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in {"pk": "S", **types}.items()
        ]
    }


DIVIDED = {
    **definitions(tenant="S", grade="N"),
    "VectorIndexes": [index(**schema(tenant="HASH", grade="INLINE_FILTER"))],
}


def created(caller: Caller, *indexes: Json, **more: Any) -> None:
    """Make a table with these indexes."""
    caller.create(VectorIndexes=list(indexes), **more)


def described(caller: Caller, table: str = "things") -> list[Json]:
    """The vector indexes that a table is described with."""
    return caller.call("DescribeTable", TableName=table)["Table"].get("VectorIndexes", [])


def vector(*numbers: float | str) -> Json:
    return {"L": [{"N": str(number)} for number in numbers]}


def search(caller: Caller, query: Json, top: int = 100, **more: Any) -> Json:
    members = {"TableName": "things", "IndexName": "near", "TopK": top, **more}
    return caller.call("SearchVectors", SearchVector=query["L"], **members)


def scores(answer: Json) -> dict[str, float]:
    """The scores of the items found, by their keys, in their order."""
    return {found["Item"]["pk"]["S"]: found["Score"] for found in answer["SearchResults"]}


def refused_by(caller: Caller, operation: str, **members: Any) -> str:
    """The message of a call that must be refused with ValidationException."""
    error = caller.refused(operation, TableName="things", **members)
    assert error.code == "ValidationException"
    return error.message


def refused(caller: Caller, query: Json, top: int = 10, **more: Any) -> str:
    """The message of a search that must be refused with ValidationException."""
    members = {"IndexName": "near", "TopK": top, **more}
    return refused_by(caller, "SearchVectors", SearchVector=query["L"], **members)
