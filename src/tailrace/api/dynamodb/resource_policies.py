"""PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy: policies of tables and streams,
kept and returned; nothing is decided by them here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

import msgspec

from tailrace.api.dynamodb.replies import EMPTY, body_of
from tailrace.api.dynamodb.resources import Resource, find_resource, parse_resource
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import PolicyNotFoundException, ValidationException
from tailrace.model.schema import Table
from tailrace.tables import life
from tailrace.tables.busy import check_settled
from tailrace.tables.catalog import Catalog

__all__ = [
    "DELETE_RESOURCE_POLICY",
    "GET_RESOURCE_POLICY",
    "PUT_RESOURCE_POLICY",
    "DeleteResourcePolicyInput",
    "GetResourcePolicyInput",
    "PutResourcePolicyInput",
    "check_policy",
    "new_policy",
    "policy_setting",
]

_POLICIES: Final = "ResourcePolicies"
_INVALID: Final = "One or more parameter values were invalid: "
_NOT_FOUND: Final = "Resource-based policy not found for the provided ResourceArn: "
# Resource-based policies, "Considerations" (access-control-resource-based.html).
_MAX_BYTES: Final = 20 * 1024
_NO_POLICY: Final = "NO_POLICY"


class PutResourcePolicyInput(msgspec.Struct, rename="pascal", frozen=True):
    resource_arn: str
    policy: str
    expected_revision_id: str | None = None
    confirm_remove_self_resource_access: bool | None = None


class GetResourcePolicyInput(msgspec.Struct, rename="pascal", frozen=True):
    resource_arn: str


class DeleteResourcePolicyInput(msgspec.Struct, rename="pascal", frozen=True):
    resource_arn: str
    expected_revision_id: str | None = None


class _Expecting(Protocol):
    @property
    def expected_revision_id(self) -> str | None: ...


def put_resource_policy(context: Context, request: PutResourcePolicyInput) -> Altered:
    resource, found = _found(context, request.resource_arn)
    check_policy(request.policy)
    check_settled(found)
    now_us = context.service.clock.now_us()

    def change(table: Table, next_id: int) -> tuple[Table, int]:
        known = _policies(table).get(resource.arn)
        _check_revision(request, known, table)
        if known is not None and known["Policy"] == request.policy:
            return table, next_id
        setting = policy_setting(request.policy, now_us, known)
        return _with(table, {**_policies(table), resource.arn: setting}), next_id

    def reply(catalog: Catalog) -> bytes:
        table = catalog.by_name[found.account, found.region, found.name]
        return body_of({"RevisionId": _policies(table)[resource.arn]["RevisionId"]})

    scope = (found.account, found.region, found.name)
    return Altered(life.update_table(scope, change, None, now_us), reply)


def get_resource_policy(context: Context, request: GetResourcePolicyInput) -> bytes:
    resource, table = _found(context, request.resource_arn)
    known = _policies(table).get(resource.arn)
    if known is None:
        raise PolicyNotFoundException(_NOT_FOUND + resource.arn)
    return body_of(known)


def delete_resource_policy(context: Context, request: DeleteResourcePolicyInput) -> Altered:
    resource, found = _found(context, request.resource_arn)
    check_settled(found)
    known = _policies(found).get(resource.arn)

    def change(table: Table, next_id: int) -> tuple[Table, int]:
        _check_revision(request, _policies(table).get(resource.arn), table)
        left = {arn: policy for arn, policy in _policies(table).items() if arn != resource.arn}
        return _with(table, left), next_id

    def reply(catalog: Catalog) -> bytes:
        del catalog
        return EMPTY if known is None else body_of({"RevisionId": known["RevisionId"]})

    scope = (found.account, found.region, found.name)
    return Altered(life.update_table(scope, change, None, context.service.clock.now_us()), reply)


def check_policy(policy: str) -> None:
    """Raise ValidationException for what is no policy document."""
    if len(policy.encode()) > _MAX_BYTES:
        raise ValidationException(f"{_INVALID}Maximum policy size of {_MAX_BYTES} bytes exceeded")
    try:
        document = msgspec.json.decode(policy, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise ValidationException(
            f"{_INVALID}Invalid policy document: This policy contains invalid Json"
        ) from None
    statements = document.get("Statement")
    listed = cast("list[Any]", statements if isinstance(statements, list) else [statements])
    if not listed or listed == [None]:
        raise ValidationException(
            f"{_INVALID}Invalid policy document: Could not parse the policy: Statement is empty!"
        )
    if any(not isinstance(statement, dict) or "Resource" not in statement for statement in listed):
        raise ValidationException(
            f"{_INVALID}Invalid policy document: Missing required field Resource"
        )


def new_policy(arn: str, policy: str, now_us: int) -> dict[str, object]:
    """The setting of a new table that has a checked policy."""
    return {_POLICIES: {arn: policy_setting(policy, now_us)}}


def policy_setting(
    policy: str, now_us: int, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A policy with its revision id, which grows."""
    revision = now_us // 1000
    if known is not None:
        revision = max(revision, int(known["RevisionId"]) + 1)
    return {"Policy": policy, "RevisionId": str(revision)}


def _found(context: Context, arn: str) -> tuple[Resource, Table]:
    resource = parse_resource(arn)
    if resource.region != context.scope.region:
        raise ValidationException(f"{_INVALID}Invalid resource Arn: {arn}")
    if resource.account != context.scope.account:
        raise ValidationException(
            "This action is only supported by accounts that match the resource owner’s account."
        )
    absent = f"Requested resource not found: Table: {resource.table} not found"
    table = find_resource(context, resource, absent)
    catalog = context.service.engine.catalog()
    if resource.stream is not None and arn not in catalog.by_arn:
        raise PolicyNotFoundException(_NOT_FOUND + arn)
    return resource, table


def _policies(table: Table) -> dict[str, dict[str, str]]:
    return msgspec.convert(table.settings.get(_POLICIES, {}), dict[str, dict[str, str]])


def _with(table: Table, policies: dict[str, dict[str, str]]) -> Table:
    settings = {**table.settings, _POLICIES: policies}
    return msgspec.structs.replace(table, settings=settings)


def _check_revision(request: _Expecting, known: Mapping[str, str] | None, table: Table) -> None:
    expected = request.expected_revision_id
    if expected is None:
        return
    if expected == _NO_POLICY:
        if known is not None:
            raise PolicyNotFoundException(
                f"{_NOT_FOUND}Requested policy update expecting none to be present for table"
                f" {table.name}, but a policy exists with revision id {known['RevisionId']}."
            )
        return
    if known is None:
        raise PolicyNotFoundException(_NOT_FOUND + table.arn)
    if known["RevisionId"] != expected:
        raise PolicyNotFoundException(
            f"{_NOT_FOUND}Requested update for policy with revision id {expected}, but the policy"
            f" associated to target table {table.name} has revision id {known['RevisionId']}."
        )


PUT_RESOURCE_POLICY = Operation("PutResourcePolicy", PutResourcePolicyInput, put_resource_policy)
GET_RESOURCE_POLICY = Operation("GetResourcePolicy", GetResourcePolicyInput, get_resource_policy)
DELETE_RESOURCE_POLICY = Operation(
    "DeleteResourcePolicy", DeleteResourcePolicyInput, delete_resource_policy
)
