"""What is kept of an account's settings in Kinesis: a hidden table for each account and region that
has any, without items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.tables import hidden
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = ["settings_of", "update"]

_KEYS = KeySchema((KeyAttribute("none", "S"),))


def _name(account: str, region: str) -> str:
    return f"kinesis-account/{account}/{region}"


def settings_of(catalog: Catalog, account: str, region: str) -> Mapping[str, Any]:
    """The settings of an account in a region, as they are stored."""
    table = hidden.find(catalog, _name(account, region))
    return {} if table is None else table.settings


def update(
    account: str,
    region: str,
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    now_us: int,
) -> Alter:
    """Replace an account's settings by what `change` makes of them; it raises to refuse."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        settings = dict(change(settings_of(catalog, account, region)))
        known = hidden.find(catalog, _name(account, region))
        if known is not None:
            return Alteration(tables=(msgspec.structs.replace(known, settings=settings),))
        made = hidden.hidden_table(
            catalog.next_id, _name(account, region), _KEYS, now_us, settings=settings
        )
        return Alteration(tables=(made,), next_id=made.id + 1)

    return decide
