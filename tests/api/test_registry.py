"""Every row of the registry leads to the operation it names, once, and starting up imports none of
them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tailrace.api.registry import OPERATIONS, SERVICES


@pytest.mark.parametrize("target", sorted(OPERATIONS))
def test_a_row_leads_to_its_operation(target: str) -> None:
    prefix, _, name = target.partition(".")
    assert prefix in SERVICES
    assert OPERATIONS[target].name == name
    assert OPERATIONS[target] is OPERATIONS[target]


def test_what_is_no_row_is_no_operation() -> None:
    assert OPERATIONS.get("DynamoDB_20120810.NoSuchThing") is None
    assert len(OPERATIONS) == len(set(OPERATIONS))


def test_the_registry_itself_imports_no_operation() -> None:
    program = (
        "import sys, tailrace.api.registry;"
        "print([name for name in sys.modules if name.startswith('tailrace.api.dynamodb.')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
