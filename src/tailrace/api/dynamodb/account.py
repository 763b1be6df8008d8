"""DescribeLimits and DescribeEndpoints: what an account has, and where it is served."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.api.dynamodb.replies import body_of
from tailrace.api.operation import Context, Operation

__all__ = ["DESCRIBE_ENDPOINTS", "DESCRIBE_LIMITS", "NoMembers"]

# What a new account has on AWS (ServiceQuotas.html).
_LIMITS: Final = {
    "AccountMaxReadCapacityUnits": 80_000,
    "AccountMaxWriteCapacityUnits": 80_000,
    "TableMaxReadCapacityUnits": 40_000,
    "TableMaxWriteCapacityUnits": 40_000,
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
