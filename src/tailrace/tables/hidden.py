"""Tables of Tailrace's own beside those of the callers: used transaction tokens, backups.

They lie in an account that no caller can be in (an account's id is digits), so nothing that callers
say can name them; to engines they are tables like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Index, Stream, Table
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.expiry import with_ttl

__all__ = ["HIDDEN_ACCOUNT", "HIDDEN_REGION", "ensure", "find", "hidden_scope", "hidden_table"]

HIDDEN_ACCOUNT: Final = "!"
HIDDEN_REGION: Final = "!"


def hidden_scope(name: str) -> tuple[str, str, str]:
    """(account, region, name) of a hidden table."""
    return HIDDEN_ACCOUNT, HIDDEN_REGION, name


def find(catalog: Catalog, name: str) -> Table | None:
    """A hidden table by its name."""
    return catalog.by_name.get(hidden_scope(name))


def hidden_table(
    table_id: int,
    name: str,
    keys: KeySchema,
    now_us: int,
    *,
    settings: Mapping[str, Any] | None = None,
    indexes: tuple[Index, ...] = (),
    stream: Stream | None = None,
) -> Table:
    """A new hidden table. Some have no items, and are there for their settings or their stream."""
    return Table(
        id=table_id,
        uuid=name,
        region=HIDDEN_REGION,
        account=HIDDEN_ACCOUNT,
        name=name,
        keys=keys,
        attribute_types={key.name: key.type for key in keys.attributes},
        created_us=now_us,
        partitions=1,
        indexes=indexes,
        stream=stream,
        settings=dict(settings or {}),
    )


def ensure(name: str, hash_key: str, ttl_attribute: str | None, now_us: int) -> Alter:
    """Create a hidden table with a string key, unless it is there; its items expire by
    `ttl_attribute`, where one is given."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        if find(catalog, name) is not None:
            return Alteration()
        keys = KeySchema((KeyAttribute(hash_key, "S"),))
        table = hidden_table(catalog.next_id, name, keys, now_us)
        next_id = table.id + 1
        if ttl_attribute is not None:
            table, next_id = with_ttl(table, ttl_attribute, next_id, filled=True)
        return Alteration(tables=(table,), next_id=next_id)

    return decide
