"""UpdateFunctionCode and UpdateFunctionConfiguration change what the next call runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def test_new_code_runs_from_the_next_call_on(account: Any, make_zip: Any, tailrace: Any) -> None:
    made = account.create("code", "def handler(event, context): return 1")
    assert account.invoke("code") == 1
    archive = make_zip("def handler(event, context): return 2")
    reply = account.functions.update_function_code(FunctionName="code", ZipFile=archive)
    assert (reply["LastUpdateStatus"], reply["CodeSize"]) == ("InProgress", len(archive))
    assert reply["CodeSha256"] != made["CodeSha256"]
    assert reply["RevisionId"] != made["RevisionId"]
    assert account.invoke("code") == 2
    after = account.functions.get_function_configuration(FunctionName="code")
    assert after["LastUpdateStatus"] == "Successful"


def test_a_dry_run_changes_nothing(account: Any, make_zip: Any) -> None:
    account.create("dry", "def handler(event, context): return 1")
    archive = make_zip("def handler(event, context): return 2")
    account.functions.update_function_code(FunctionName="dry", ZipFile=archive, DryRun=True)
    assert account.invoke("dry") == 1


def test_what_an_update_leaves_out_stays(account: Any) -> None:
    account.create("settings", Environment={"Variables": {"SETTING": "one"}}, MemorySize=256)
    assert account.invoke("settings")["setting"] == "one"
    reply = account.functions.update_function_configuration(
        FunctionName="settings", Environment={"Variables": {"SETTING": "two"}}
    )
    assert (reply["MemorySize"], reply["LastUpdateStatus"]) == (256, "InProgress")
    assert account.invoke("settings")["setting"] == "two"
    account.functions.update_function_configuration(FunctionName="settings", Timeout=7)
    after = account.functions.get_function_configuration(FunctionName="settings")
    assert after["Environment"] == {"Variables": {"SETTING": "two"}}
    assert after["Timeout"] == 7


def test_another_revision_is_not_changed(account: Any) -> None:
    made = account.create("revised")
    change = account.functions.update_function_configuration
    change(FunctionName="revised", Description="newer", RevisionId=made["RevisionId"])
    refusal = account.refused(
        change, FunctionName="revised", Description="x", RevisionId=made["RevisionId"]
    )
    assert refusal[:2] == (412, "PreconditionFailedException")
    after = account.functions.get_function_configuration(FunctionName="revised")
    assert after["Description"] == "newer"


def test_a_function_that_is_not_there(account: Any, make_zip: Any) -> None:
    functions = account.functions
    arn = "arn:aws:lambda:us-east-1:000000000000:function:none"
    expected = (404, "ResourceNotFoundException", f"Function not found: {arn}")
    archive = make_zip("x = 1")
    code = {"FunctionName": "none", "ZipFile": archive}
    assert account.refused(functions.update_function_code, **code) == expected
    settings = {"FunctionName": "none", "Timeout": 3}
    assert account.refused(functions.update_function_configuration, **settings) == expected


def test_replaced_code_is_dropped_and_code_in_use_is_not(
    account: Any, make_zip: Any, tailrace: Any
) -> None:
    account.create("kept", Publish=True)
    places: list[Path] = []
    for _ in range(3):
        archive = make_zip("import os\ndef handler(event, context): return os.getcwd()")
        account.functions.update_function_code(FunctionName="kept", ZipFile=archive)
        places.append(Path(account.invoke("kept")))
    deadline = time.monotonic() + 60
    while places[0].exists() or places[1].exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert places[2].exists()
    assert account.invoke("kept", Qualifier="1")["version"] == "1"
