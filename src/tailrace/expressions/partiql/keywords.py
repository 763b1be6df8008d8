"""The words of PartiQL that are no identifiers unless quoted, and how its operators bind (the
PartiQL specification and SQL-92; the service reads statements with the same list).
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "COMBINED",
    "FUNCTIONS",
    "INFIX",
    "KEYWORDS",
    "NOT_PRECEDENCE",
    "SELECT_PRECEDENCE",
    "TYPES",
    "WORD_OPERATORS",
]

_SQL: Final = """
absolute action add all allocate alter and any are as asc assertion at authorization avg begin
between bit bit_length by cascade cascaded case cast catalog char char_length character
character_length check close coalesce collate collation column commit connect connection
constraint constraints continue convert corresponding count create cross current current_date
current_time current_timestamp current_user cursor date date_add date_diff deallocate dec decimal
declare default deferrable deferred delete desc describe descriptor diagnostics disconnect
distinct domain double drop else end escape except exception exec execute exists external extract
false fetch first float for foreign found from full get global go goto grant group having identity
immediate in indicator initially inner input insensitive insert int integer intersect interval
into is isolation join key language last left level like local lower match max min module names
national natural nchar next no not null nullif numeric octet_length of on only open option or
order outer output overlaps pad partial position precision prepare preserve primary prior
privileges procedure public read real references relative restrict revoke right rollback rows
schema scroll section select session session_user set size smallint some space sql sqlcode
sqlerror sqlstate substring sum system_user table temporary then time timestamp to transaction
translate translation trim true union unique unknown update upper usage user using value values
varchar varying view when whenever where with work write zone
"""
_PARTIQL: Final = """
bag bigint blob bool boolean can_cast can_lossless_cast clob conflict do index int2 int4 int8
integer2 integer4 integer8 let limit list missing modified new nothing offset old pivot remove
returning sexp string struct symbol tuple unpivot
"""
_FUNCTIONS: Final = """
avg bag bit_length char_length character_length count exists list lower max min octet_length sexp
size sum upper
"""
KEYWORDS: Final = frozenset((_SQL + _PARTIQL).split())

WORD_OPERATORS: Final = frozenset(
    {"and", "between", "except", "in", "intersect", "is", "like", "not", "or", "union"}
)

# Two words that are one token.
COMBINED: Final = {
    ("not", "in"): "not_in",
    ("is", "not"): "is_not",
    ("not", "between"): "not_between",
    ("not", "like"): "not_like",
    ("character", "varying"): "character_varying",
    ("double", "precision"): "double_precision",
    ("insert", "into"): "insert_into",
    ("on", "conflict"): "on_conflict",
    ("do", "nothing"): "do_nothing",
    ("modified", "old"): "modified_old",
    ("modified", "new"): "modified_new",
    ("all", "old"): "all_old",
    ("all", "new"): "all_new",
}

# Keywords that may stand before an argument list.
FUNCTIONS: Final = frozenset(_FUNCTIONS.split())

SELECT_PRECEDENCE: Final = 6
NOT_PRECEDENCE: Final = 30
INFIX: Final = {
    **dict.fromkeys(("union", "intersect", "except"), 5),
    "or": 10,
    "and": 20,
    **dict.fromkeys(("=", "<>", "is", "is_not", "in", "not_in"), 40),
    **dict.fromkeys(("<", "<=", ">", ">=", "between", "not_between", "like", "not_like"), 50),
    **dict.fromkeys(("+", "-", "||"), 60),
    **dict.fromkeys(("*", "/", "%"), 70),
}

# The names after IS, and the type of attribute they ask for; None for those that no attribute has.
TYPES: Final[dict[str, str | None]] = {
    "missing": "MISSING",
    "null": "NULL",
    **dict.fromkeys(("bool", "boolean"), "BOOL"),
    **dict.fromkeys(("smallint", "int2", "integer2", "int4", "integer4", "int8", "integer8"), "N"),
    **dict.fromkeys(("int", "integer", "bigint", "float", "real", "double_precision"), "N"),
    **dict.fromkeys(("dec", "decimal", "numeric"), "N"),
    **dict.fromkeys(("char", "character", "varchar", "character_varying", "string"), "S"),
    "blob": "B",
    "list": "L",
    **dict.fromkeys(("struct", "tuple"), "M"),
    **dict.fromkeys(("any", "bag", "clob", "date", "sexp", "symbol", "time", "timestamp"), None),
}
