"""DescribeLimits and DescribeEndpoints: what an account has, and where it is served."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace import limits
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.operation import Context, Operation

__all__ = ["DESCRIBE_ENDPOINTS", "DESCRIBE_LIMITS", "NoMembers"]

_LIMITS: Final = {
    "AccountMaxReadCapacityUnits": limits.ACCOUNT_CAPACITY_UNITS,
    "AccountMaxWriteCapacityUnits": limits.ACCOUNT_CAPACITY_UNITS,
    "TableMaxReadCapacityUnits": limits.TABLE_CAPACITY_UNITS,
    "TableMaxWriteCapacityUnits": limits.TABLE_CAPACITY_UNITS,
}
_CACHE_MINUTES: Final = 1440


class NoMembers(msgspec.Struct, frozen=True):
    """An operation without parameters."""


def describe_limits(context: Context, request: NoMembers) -> bytes:
    del context, request
    return body_of(_LIMITS)


def describe_endpoints(context: Context, request: NoMembers) -> bytes:
    del request
    endpoint = {"Address": context.service.address(), "CachePeriodInMinutes": _CACHE_MINUTES}
    return body_of({"Endpoints": [endpoint]})


DESCRIBE_LIMITS = Operation("DescribeLimits", NoMembers, describe_limits)
DESCRIBE_ENDPOINTS = Operation("DescribeEndpoints", NoMembers, describe_endpoints)
