"""The SQL of this engine, which is kept as text beside it: statements by name, and migrations."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

__all__ = ["SQL", "migrations", "row_runs"]

_FOLDER: Final = resources.files("tailrace.engines.sqlite") / "sql"
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^--.*$", re.MULTILINE)
# Rows of one statement, largest first: any number up to that of a usual commit in one, yet so few
# that all of them stay prepared.
_RUNS: Final = (64, *range(32, 0, -1))


def _read_statements() -> dict[str, str]:
    text = _FOLDER.joinpath("statements.sql").read_text("utf-8")
    pieces = _NAME.split(text)
    return {
        name: " ".join(_COMMENT.sub("", body).split()).rstrip(";")
        for name, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }


# Statements by name, each on one line and without the semicolon.
SQL: Final = _read_statements()


def migrations() -> list[str]:
    """The scripts that lead from an empty file to today's schema, each from one version to the
    next.
    """
    folder = _FOLDER.joinpath("migrations")
    scripts = sorted(folder.iterdir(), key=lambda script: script.name)
    return [script.read_text("utf-8") for script in scripts if script.name.endswith(".sql")]


@cache
def row_runs(name: str) -> tuple[tuple[int, str], ...]:
    """The statement `name`, which ends in `VALUES (?, …)`, for several rows at once: pairs of a
    number of rows and the statement for so many, the largest first.
    """
    head, values = SQL[name].split(" VALUES ")
    return tuple((rows, f"{head} VALUES {', '.join([values] * rows)}") for rows in _RUNS)
