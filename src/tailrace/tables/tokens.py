"""Tokens that make a transaction idempotent: a used token is an item of a hidden table, written in
the same unit as what the transaction writes, so that both are there or neither.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import AwsError, IdempotentParameterMismatchException
from tailrace.model.schema import Table
from tailrace.model.values import decode_item, item_size
from tailrace.tables import hidden, plans
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Plan, Write

__all__ = ["AlreadyDone", "ensure_tokens", "token_write", "tokens_table"]

_NAME: Final = "transaction-tokens"
_TOKEN: Final = "token"
_EXPIRES: Final = "expires"
_REQUEST: Final = "request"
_SECOND_US: Final = 1_000_000


class AlreadyDone(AwsError):
    """The same request was carried out before; callers turn it into a success."""


class _Other(msgspec.Struct, frozen=True, gc=False):
    """Whether a token may be used by a request now."""

    request: str
    now_s: int

    def refuse_used(self, stored: bytes) -> None:
        item = decode_item(stored)
        if int(item[_EXPIRES]["N"]) <= self.now_s:
            return
        if item[_REQUEST]["S"] == self.request:
            raise AlreadyDone
        raise IdempotentParameterMismatchException(
            "DynamoDB rejected the request because you retried a request with a different payload"
            " but with an idempotent token that was already used."
        )


def tokens_table(catalog: Catalog) -> Table | None:
    """The table of used tokens; None until it was needed for the first time."""
    return hidden.find(catalog, _NAME)


def ensure_tokens(now_us: int) -> Alter:
    """Create the table of used tokens, unless it is there."""
    return hidden.ensure(_NAME, _TOKEN, _EXPIRES, now_us)


def token_write(
    table: Table,
    owner: str,
    token: str,
    request: str,
    now_us: int,
    life_ms: int = limits.TRANSACTION_TOKEN_LIFE_MS,
) -> Write:
    """The write that uses a token of an owner for a request, which `request` tells from others. It
    is refused with AlreadyDone, or IdempotentParameterMismatchException, while an earlier use is
    remembered."""
    now_s = now_us // _SECOND_US
    item = {
        _TOKEN: {"S": f"{owner}/{token}"},
        _REQUEST: {"S": request},
        _EXPIRES: {"N": str(now_s + life_ms // 1000)},
    }
    key = table.keys.item_key(item)
    use = plans.put(key, item, item_size(item))
    check = _Other(request, now_s)

    def decide(previous: bytes | None, table: Table) -> Plan:
        if previous is not None:
            check.refuse_used(previous)
        return use(previous, table)

    return Write(table.id, key, decide)
