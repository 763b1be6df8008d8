"""docs/conformance.md has a row for every operation of the model, and each has only one."""

from __future__ import annotations

import re
from pathlib import Path

import botocore.session

TABLE = Path(__file__).parents[2] / "docs" / "conformance.md"
STREAMS = "Streams: "


def test_every_operation_has_a_row() -> None:
    session = botocore.session.get_session()
    known = set(session.get_service_model("dynamodb").operation_names)
    known |= set(session.get_service_model("dynamodbstreams").operation_names)
    first = re.findall(r"^\| ([^|]+) \|", TABLE.read_text(), re.MULTILINE)
    named = [name for cell in first for name in re.findall(r"\b[A-Z]\w+[a-z]\w*\b", cell)]
    rows = [name for name in named if name in known]
    assert sorted(rows) == sorted(known)
