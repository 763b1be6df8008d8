"""The command line finds Lambda's endpoint, reads counts, and knows triggers by their names."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.cli.function_code import FunctionCode, ensure_function
from tailrace.cli.lambda_api import LambdaApi, is_meant, measures_in, short_function
from tailrace.errors import ConfigurationError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders:prod"
EXPOSITION = r"""# TYPE tailrace_errors_total counter
tailrace_errors_total{kind="mapping",uuid="a",consumer="q\"\\\n"} 2
tailrace_iterator_age_seconds{kind="mapping",uuid="a",consumer="q\"\\\n"} 0.5
tailrace_errors_total{kind="trigger",uuid="b"} 1
python_info 1
"""
MAPPING = {"UUID": "e4c1c1b2-c558-4335-bf12-7dc9f2e19d61", "FunctionArn": ARN}


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


def test_counts_are_taken_together_by_their_labels() -> None:
    first, second = measures_in(EXPOSITION)
    assert first[0] == {"kind": "mapping", "uuid": "a", "consumer": 'q"\\\n'}
    assert first[1] == {"errors_total": 2.0, "iterator_age_seconds": 0.5}
    assert second == ({"kind": "trigger", "uuid": "b"}, {"errors_total": 1.0})


@pytest.mark.parametrize("name", [MAPPING["UUID"], "e4c1", ARN, "orders:prod"])
def test_a_trigger_is_known_by(name: str) -> None:
    assert is_meant(MAPPING, name)


@pytest.mark.parametrize("name", ["e4c", "", "orders", "prod", "c558"])
def test_a_trigger_is_not_known_by(name: str) -> None:
    assert not is_meant(MAPPING, name)


def test_a_function_is_short_without_its_account() -> None:
    assert (short_function(ARN), short_function("x")) == ("orders:prod", "x")


def test_a_region_is_needed_on_aws_only() -> None:
    with pytest.raises(ConfigurationError, match="no region"):
        LambdaApi(None, None, None)
    assert not LambdaApi("http://127.0.0.1:8000", None, None).is_aws
    assert LambdaApi(None, "eu-west-1", None).is_aws


def test_aws_is_not_asked_to_load_code_from_here(tmp_path: Any) -> None:
    api = LambdaApi(None, "eu-west-1", None)
    with pytest.raises(ConfigurationError, match="AWS cannot load code from here"):
        ensure_function(api, FunctionCode(tmp_path, "index.handler"), None, {})


def test_nobody_at_the_endpoint_is_told() -> None:
    api = LambdaApi("http://127.0.0.1:9", None, None)
    assert api.measured() == ()
    with pytest.raises(ConfigurationError, match="Could not connect"):
        api.call("list_functions")
