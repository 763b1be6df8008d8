"""PartiQL statements: parsed, checked as the service checks, and lowered to the conditions, updates
and ranges of keys that all requests are made of.
"""

from __future__ import annotations

from tailrace.expressions.partiql.conditions import Where, compiled
from tailrace.expressions.partiql.keys import (
    ItemKey,
    KeyReads,
    Reach,
    item_key,
    key_reads,
    only_key,
)
from tailrace.expressions.partiql.paths import Target
from tailrace.expressions.partiql.statements import (
    Columns,
    Delete,
    Exists,
    Insert,
    Select,
    Statement,
    UpdateStatement,
    read_statement,
)
from tailrace.expressions.partiql.values import canonical_parameters

__all__ = [
    "Columns",
    "Delete",
    "Exists",
    "Insert",
    "ItemKey",
    "KeyReads",
    "Reach",
    "Select",
    "Statement",
    "Target",
    "UpdateStatement",
    "Where",
    "canonical_parameters",
    "compiled",
    "item_key",
    "key_reads",
    "only_key",
    "read_statement",
]
