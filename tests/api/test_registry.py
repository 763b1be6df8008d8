"""Every row of the registry leads to the operation it names, once, every operation of DynamoDB and
its streams has one, and starting up imports none of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.session import get_session

from tailrace.api.dispatch import Dispatcher
from tailrace.api.registry import OPERATIONS, SERVICES
from tailrace.testing.calling import Caller
from tailrace.wire.call import Call, Reply


@pytest.mark.parametrize("target", sorted(OPERATIONS))
def test_a_row_leads_to_its_operation(target: str) -> None:
    prefix, _, name = target.partition(".")
    assert prefix in SERVICES
    assert OPERATIONS[target].name == name
    assert OPERATIONS[target] is OPERATIONS[target]


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        (prefix, name)
        for prefix, service in SERVICES.items()
        for name in get_session().get_service_model(service).operation_names
        # Its answer is a stream of events, and has a route of its own (`server/subscriptions.py`).
        if name != "SubscribeToShard"
    ],
)
def test_every_operation_of_the_services_answers(prefix: str, name: str) -> None:
    caller = Caller()
    replies: list[Reply] = []
    dispatcher = Dispatcher(caller.service, OPERATIONS, SERVICES)
    dispatcher.dispatch(Call(f"{prefix}.{name}", b"{}", caller.scope), replies.append)
    # Either the answer to an empty request, or what is wrong with it.
    (reply,) = replies
    assert reply.status in (200, 400)
    assert b"UnknownOperation" not in reply.body


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
