"""Requests with a token: carried out once, whatever the number of times they come."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from tailrace.api.operation import Altered, Committed, Context
from tailrace.model.schema import Table
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome, Settled, Write
from tailrace.tables.tokens import AlreadyDone, ensure_tokens, token_write, tokens_table

__all__ = ["once"]


def once(
    context: Context,
    token: str,
    request: msgspec.Struct,
    writes: Sequence[Write],
    done: Callable[[Outcome], bytes],
    replayed: Callable[[], bytes],
) -> Committed | Altered:
    """Carry out writes unless a request with this token did. `done` words the answer to the writes'
    outcomes, `replayed` the answer to a repetition.
    """
    service, scope = context.service, context.scope
    now_us = service.clock.now_us()
    digest = hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        first, *others = outcomes[0]
        if isinstance(first, AlreadyDone):
            return replayed()
        if not isinstance(first, Settled):
            raise first
        return done(others)

    def committed(tokens: Table) -> Committed:
        use = token_write(tokens, f"{scope.account}/{scope.region}", token, digest, now_us)
        return Committed(((use, *writes),), reply)

    def first_use(catalog: Catalog) -> Committed:
        made = tokens_table(catalog)
        assert made is not None
        return committed(made)

    known = tokens_table(service.engine.catalog())
    return Altered(ensure_tokens(now_us), first_use) if known is None else committed(known)
