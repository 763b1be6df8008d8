"""AddPermission, RemovePermission and GetPolicy: who may call a function, as tools that set up
functions say it. Statements are kept and told; who may call here is decided by signatures alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tailrace.api.functions.errors import (
    FunctionNotFound,
    InvalidParameterValueException,
    PolicyLengthExceededException,
    PreconditionFailedException,
    ResourceConflictException,
)
from tailrace.api.functions.names import (
    LATEST,
    FunctionName,
    function_arn,
    parse_function_name,
)
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.records import Function, Policy

__all__ = ["ADD_PERMISSION", "GET_POLICY", "REMOVE_PERMISSION"]

_PATH: Final = "/2015-03-31/functions/{FunctionName}/policy"
# gettingstarted-limits.html: 20 KB for a function's resource-based policy.
MAX_POLICY_BYTES: Final = 20 * 1024
_ACCOUNT_DIGITS: Final = 12
_encode: Final = msgspec.json.encode


class AddPermissionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """What AddPermission is asked for."""

    function_name: str
    statement_id: str
    action: str
    principal: str
    qualifier: str | None = None
    source_arn: str | None = None
    source_account: str | None = None
    event_source_token: str | None = None
    principal_org_id: str | None = msgspec.field(default=None, name="PrincipalOrgID")
    function_url_auth_type: str | None = None
    revision_id: str | None = None


class RemovePermissionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A statement by its id."""

    function_name: str
    statement_id: str
    qualifier: str | None = None
    revision_id: str | None = None


class GetPolicyInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function, or one of its versions or aliases."""

    function_name: str
    qualifier: str | None = None


async def add(call: HttpCall, request: AddPermissionInput) -> Answer:
    """One statement more."""
    desk = call.desk
    name = _name(call, request.function_name, request.qualifier)
    async with desk.book.changing:
        function = desk.book.function(name)
        desk.book.version(name)
        before = function.policies.get(name.qualifier or "")
        _check_revision(before, request.revision_id)
        statements = () if before is None else before.statements
        if any(each["Sid"] == request.statement_id for each in statements):
            raise ResourceConflictException(
                f"The statement id ({request.statement_id}) provided already exists. Please provide"
                " a new statement id, or remove the existing statement."
            )
        statement = _statement(request, function_arn(name.place, name.qualifier))
        await _keep(call, function, name, [*statements, statement])
    return json_answer({"Statement": _encode(statement).decode()})


async def remove(call: HttpCall, request: RemovePermissionInput) -> Answer:
    """One statement less."""
    desk = call.desk
    name = _name(call, request.function_name, request.qualifier)
    async with desk.book.changing:
        function = desk.book.function(name)
        policy = function.policies.get(name.qualifier or "")
        if policy is None:
            raise FunctionNotFound("No policy is associated with the given resource.")
        left = [each for each in policy.statements if each["Sid"] != request.statement_id]
        if len(left) == len(policy.statements):
            raise FunctionNotFound(
                f"Statement {request.statement_id} is not found in resource policy."
            )
        _check_revision(policy, request.revision_id)
        await _keep(call, function, name, left)
    return Answer()


async def get(call: HttpCall, request: GetPolicyInput) -> Answer:
    """All statements, as a policy document."""
    name = _name(call, request.function_name, request.qualifier)
    function = call.desk.book.function(name)
    call.desk.book.version(name)
    policy = function.policies.get(name.qualifier or "")
    if policy is None:
        raise FunctionNotFound("The resource you requested does not exist.")
    document = _encode(_document(policy.statements)).decode()
    return json_answer({"Policy": document, "RevisionId": policy.revision_id})


def _name(call: HttpCall, function_name: str, qualifier: str | None) -> FunctionName:
    name = parse_function_name(function_name, call.scope, qualifier)
    if name.qualifier == LATEST:
        raise InvalidParameterValueException(
            "We currently do not support adding policies for $LATEST."
        )
    return name


async def _keep(
    call: HttpCall, function: Function, name: FunctionName, statements: Sequence[Mapping[str, Any]]
) -> None:
    if len(_encode(_document(statements))) > MAX_POLICY_BYTES:
        raise PolicyLengthExceededException(
            f"The final policy size ({len(_encode(_document(statements)))}) is bigger than the"
            f" limit ({MAX_POLICY_BYTES})."
        )
    qualifier = name.qualifier or ""
    policies = {key: policy for key, policy in function.policies.items() if key != qualifier}
    if statements:
        revision = call.desk.ids.uuid()
        policies[qualifier] = Policy(statements=tuple(statements), revision_id=revision)
    await call.desk.book.keep(msgspec.structs.replace(function, policies=policies))


def _check_revision(policy: Policy | None, revision_id: str | None) -> None:
    if revision_id and (policy is None or policy.revision_id != revision_id):
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API"
            " to retrieve the latest Revision Id"
        )


def _document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}


def _statement(request: AddPermissionInput, arn: str) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": request.statement_id,
        "Effect": "Allow",
        "Principal": _principal(request.principal),
        "Action": request.action,
        "Resource": arn,
    }
    equal = {
        "AWS:SourceAccount": request.source_account,
        "lambda:EventSourceToken": request.event_source_token,
        "aws:PrincipalOrgID": request.principal_org_id,
        "lambda:FunctionUrlAuthType": request.function_url_auth_type,
    }
    given = {key: value for key, value in equal.items() if value is not None}
    condition: dict[str, Any] = {"StringEquals": given} if given else {}
    if request.source_arn is not None:
        condition["ArnLike"] = {"AWS:SourceArn": request.source_arn}
    if condition:
        statement["Condition"] = condition
    return statement


def _principal(given: str) -> str | dict[str, str]:
    if given == "*":
        return given
    if given.isdigit() and len(given) == _ACCOUNT_DIGITS:
        return {"AWS": f"arn:aws:iam::{given}:root"}
    if given.startswith("arn:"):
        return {"AWS": given}
    if "." not in given:
        raise InvalidParameterValueException(
            "The provided principal was invalid. Please check the principal and try again."
        )
    return {"Service": given}


ADD_PERMISSION = FunctionsOperation(
    name="AddPermission", method="POST", path=_PATH, status=201, input=AddPermissionInput, run=add
)
REMOVE_PERMISSION = FunctionsOperation(
    name="RemovePermission",
    method="DELETE",
    path=_PATH + "/{StatementId}",
    status=204,
    input=RemovePermissionInput,
    run=remove,
)
GET_POLICY = FunctionsOperation(
    name="GetPolicy", method="GET", path=_PATH, status=200, input=GetPolicyInput, run=get
)
