"""Tables of Tailrace's own beside those of the callers: used transaction tokens, backups.

They lie in an account that no caller can be in (an account's id is digits), so nothing that callers
say can name them; to engines they are tables like any other.
"""

from __future__ import annotations

from typing import Final

from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Table
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.expiry import with_ttl

__all__ = ["HIDDEN_ACCOUNT", "HIDDEN_REGION", "ensure", "find", "hidden_scope"]

HIDDEN_ACCOUNT: Final = "!"
HIDDEN_REGION: Final = "!"


def hidden_scope(name: str) -> tuple[str, str, str]:
    """(account, region, name) of a hidden table."""
    return HIDDEN_ACCOUNT, HIDDEN_REGION, name


def find(catalog: Catalog, name: str) -> Table | None:
    """A hidden table by its name."""
    return catalog.by_name.get(hidden_scope(name))


def ensure(name: str, hash_key: str, ttl_attribute: str | None, now_us: int) -> Alter:
    """Create a hidden table with a string key, unless it is there; its items expire by
    `ttl_attribute`, where one is given."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        if find(catalog, name) is not None:
            return Alteration()
        keys = KeySchema((KeyAttribute(hash_key, "S"),))
        table = Table(
            id=catalog.next_id,
            uuid=name,
            region=HIDDEN_REGION,
            account=HIDDEN_ACCOUNT,
            name=name,
            keys=keys,
            attribute_types={hash_key: "S"},
            created_us=now_us,
            partitions=1,
        )
        next_id = table.id + 1
        if ttl_attribute is not None:
            table, next_id = with_ttl(table, ttl_attribute, next_id, filled=True)
        return Alteration(tables=(table,), next_id=next_id)

    return decide
