"""PartiQL statements as tests of the API run them."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller, CallRefused

__all__ = ["Json", "refused", "run"]

Json = dict[str, Any]


def run(caller: Caller, statement: str, *parameters: Json, **more: Any) -> Json:
    """The answer to a statement."""
    return caller.call("ExecuteStatement", **_request(statement, parameters, more))


def refused(caller: Caller, statement: str, *parameters: Json, **more: Any) -> CallRefused:
    """The refusal of a statement that must fail."""
    return caller.refused("ExecuteStatement", **_request(statement, parameters, more))


def _request(statement: str, parameters: tuple[Json, ...], more: Json) -> Json:
    given = {"Parameters": list(parameters)} if parameters else {}
    return {"Statement": statement, **given, **more}
