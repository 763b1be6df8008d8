"""Tools that read every setting of a function find Lambda's own defaults."""

from __future__ import annotations

from typing import Any


def test_what_tools_ask_for(account: Any) -> None:
    functions = account.functions
    account.create("asked")
    signing = functions.get_function_code_signing_config(FunctionName="asked")
    assert signing["FunctionName"] == "asked"
    assert "CodeSigningConfigArn" not in signing
    loop = functions.get_function_recursion_config(FunctionName="asked")
    assert loop["RecursiveLoop"] == "Terminate"
    management = functions.get_runtime_management_config(FunctionName="asked")
    assert management["UpdateRuntimeOn"] == "Auto"
    usage = functions.get_account_settings()["AccountUsage"]
    assert (usage["FunctionCount"], usage["TotalCodeSize"] > 0) == (1, True)


def test_what_is_not_there(account: Any) -> None:
    functions = account.functions
    for call in (functions.get_policy, functions.get_function_event_invoke_config):
        assert account.refused(call, FunctionName="asked")[:2] == (404, "ResourceNotFoundException")
    for call in (functions.get_policy, functions.get_function_code_signing_config):
        assert account.refused(call, FunctionName="none")[2].startswith("Function not found: ")
