"""Proves that an account has limits and an endpoint."""

from __future__ import annotations

from tailrace.testing.calling import Caller


def test_limits_are_those_of_a_new_account(caller: Caller) -> None:
    assert caller.call("DescribeLimits") == {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }


def test_the_endpoint_is_where_the_server_is(caller: Caller) -> None:
    (endpoint,) = caller.call("DescribeEndpoints")["Endpoints"]
    assert endpoint == {"Address": caller.service.address(), "CachePeriodInMinutes": 1440}
