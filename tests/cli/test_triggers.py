"""Triggers are added, seen, changed, tried and removed on the command line, by the Lambda API."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tailrace.app import Tailrace
from tailrace.cli import make_app
from tailrace.errors import ConfigurationError, TailraceError

WAIT_S = 60.0
CODE = """
import json, os

def handler(event, context):
    names = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event.get("Records", [])]
    print("names", names)
    if "bad" in names:
        raise ValueError("bad")
    with open(os.environ["OUT"], "a") as out:
        out.write(json.dumps(names) + "\\n")
    return names
"""


class Shell:
    """`tailrace triggers ...` in this process, and a function's code beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.out = directory / "out.txt"
        (directory / "index.py").write_text(CODE)

    def run(self, *arguments: str, stdin: str | None = None) -> tuple[int, str]:
        """Exit status and output of a command. Raises what it raised."""
        result = CliRunner().invoke(make_app(("triggers",)), ["triggers", *arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        status, output = self.run(*arguments, "--json")
        assert status == 0, output
        return json.loads(output)

    def add(self, table: str, *arguments: str) -> dict[str, Any]:
        """A trigger of the code; its mapping."""
        environment = ("--env", f"OUT={self.out}", "--timeout", "20", "--memory", "256")
        given = ("index.py:handler", "--name", table, "--table", table, *environment, *arguments)
        return self.json("add", *given)

    def taken(self) -> list[str]:
        """The names that the function got."""
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        return [name for line in lines for name in json.loads(line)]


@pytest.fixture
def shell(endpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    return Shell(tmp_path)


def until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def test_a_trigger_from_its_beginning_to_its_end(shell: Shell, endpoint: Any) -> None:
    stream = endpoint.make("life")
    (shell.directory / "filter.json").write_text('{"eventName": ["INSERT"]}')
    added = shell.add("life", "--batch-size", "7", "--filter", "@filter.json", "--retries", "3")
    assert (added["State"], added["EventSourceArn"], added["BatchSize"]) == ("Enabled", stream, 7)
    assert added["MaximumRetryAttempts"] == 3
    assert added["FilterCriteria"] == {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]}
    uuid = added["UUID"]
    endpoint.put("life", "a")
    endpoint.put("life", "a", "changed")
    until(lambda: shell.taken() == ["a"])

    def row() -> Any:
        (found,) = shell.json("list", "--table", "life")
        return found if found["records"] == 1 else None

    found = until(row)
    assert (found["id"], found["function"], found["state"]) == (uuid, "life", "Enabled")
    assert (found["last_result"], found["errors"], found["age_ms"]) == ("OK", 0, 0)
    assert uuid[:8] in shell.run("list", "--function", "life")[1]
    disabled = shell.json("disable", uuid[:6])
    assert disabled["State"] == "Disabled"
    endpoint.put("life", "b")
    updated = shell.json("update", "life", "--filter", "", "--batch-size", "9", "--bisect")
    assert (updated["BatchSize"], updated["BisectBatchOnFunctionError"]) == (9, True)
    assert (updated["State"], updated.get("FilterCriteria")) == ("Disabled", None)
    assert shell.json("enable", "life")["State"] == "Enabled"
    until(lambda: "b" in shell.taken())
    page = shell.run("show", "life")[1]
    assert "ParallelizationFactor" in page
    assert "Enabled" in page
    assert shell.json("show", "life")["UUID"] == uuid
    assert shell.json("remove", "life")["State"] == "Removed"
    assert shell.json("list", "--table", "life") == []
    with pytest.raises(ConfigurationError, match="there is no trigger 'life'"):
        shell.run("show", "life")


def test_code_is_loaded_anew_and_its_function_kept(shell: Shell, endpoint: Any) -> None:
    endpoint.make("saved")
    first = shell.add("saved", "--disabled")
    assert first["State"] == "Disabled"
    shell.json("remove", "saved")
    again = shell.add("saved", "--start", "LATEST")
    assert again["FunctionArn"] == first["FunctionArn"]
    assert again["StartingPosition"] == "LATEST"
    (shell.directory / "index.py").write_text("def handler(event, context): return 'saved'")
    until(lambda: "saved" in shell.run("invoke", "saved", "--table", "saved")[1])
    (shell.directory / "other.py").write_text(CODE)
    with pytest.raises(ConfigurationError, match="other code already"):
        shell.run("add", "other.py:handler", "--name", "saved", "--table", "saved")


def test_triggers_of_the_servers_own_program_are_listed(
    shell: Shell, endpoint: Any, server: Tailrace
) -> None:
    endpoint.make("inside")

    def own(event: Any, context: Any) -> None: ...

    trigger = server.on_change("inside", own)
    endpoint.put("inside", "a")
    trigger.wait_until_caught_up(WAIT_S)
    (row,) = shell.json("list", "--function", "own")
    assert (row["id"], row["source"], row["state"]) == ("", "inside", "Running")
    assert (row["records"], row["age_ms"]) == (1, 0)
    assert "own" in shell.run("list")[1]


def test_a_function_is_tried_with_records_of_the_stream(shell: Shell, endpoint: Any) -> None:
    endpoint.make("tried")
    for name in ("a", "b", "c"):
        endpoint.put("tried", name)
    shell.add("tried", "--disabled", "--filter", '{"dynamodb":{"Keys":{"pk":{"S":["a","c"]}}}}')
    outcome = shell.json("invoke", "tried", "--last", "5")
    assert (outcome["payload"], outcome["error"], outcome["status"]) == (["a", "c"], None, 200)
    assert "names ['a', 'c']" in outcome["log"]
    assert shell.json("invoke", "tried", "--last", "1")["payload"] == ["c"]
    shown = json.loads(shell.run("invoke", "tried", "--sample", "modify", "--show-event")[1])
    (record,) = shown["Records"]
    assert record["eventName"] == "MODIFY"
    assert {"OldImage", "NewImage"} <= record["dynamodb"].keys()
    assert shell.json("invoke", "tried")["payload"][0] in ("a", "b", "c")
    assert shell.json("invoke", "tried", "--dry-run")["status"] == 204
    (shell.directory / "event.json").write_text('{"Records": []}')
    assert shell.json("invoke", "tried", "--event", "event.json")["payload"] == []
    assert shell.json("invoke", "tried", "--event", "event.json", "--later")["status"] == 202
    status, _ = shell.run("invoke", "tried", "--event", "-", stdin='{"Records": []}')
    assert status == 0


def test_triggers_are_watched_until_interrupted(run: Any, endpoint: Any) -> None:
    process = run("triggers", "list", "--table", "none", "--watch", "--json", "--interval", "0.01")
    assert [process.stdout.readline() for _ in range(3)] == ["[]\n"] * 3
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, errors) == (0, "")


def test_a_function_that_fails_is_an_exit_status(shell: Shell, endpoint: Any) -> None:
    endpoint.make("fails")
    shell.add("fails", "--disabled")
    endpoint.put("fails", "bad")
    status, output = shell.run("invoke", "fails", "--last", "1", "--json")
    outcome = json.loads(output)
    assert (status, outcome["error"]) == (1, "Unhandled")
    assert outcome["payload"]["errorMessage"] == "bad"
    status, output = shell.run("invoke", "fails", "--last", "1")
    assert status == 1
    assert json.loads(output)["errorType"] == "ValueError"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "f", "--table", "t", "--stream", "s"), "give either --table or --stream"),
        (("add", "f"), "give either --table or --stream"),
        (("add", "none.py:handler", "--table", "t"), "there is no file"),
        (("add", "f", "--table", "t", "--memory", "512"), "are for functions of code"),
        (("add", "f", "--table", "t", "--start", "soon"), "'soon' is no place to begin"),
        (("add", "f", "--table", "t", "--filter", "@none"), "cannot read none"),
        (("add", "index.py:handler", "--table", "t", "--env", "X"), "'X' is no variable"),
        (("update", "f"), "nothing to change was given"),
        (("remove", "nobody"), "there is no trigger 'nobody'"),
        (("invoke", "f", "--event", "x", "--last", "1"), "give one of"),
        (("invoke", "f", "--event", "none.json"), "cannot read none.json"),
        (("invoke", "f", "--event", "index.py"), "index.py is no JSON"),
        (("invoke", "f", "--last", "1"), "which records"),
        (("invoke", "f", "--later", "--dry-run"), "exclude each other"),
        (("invoke", "f"), "ResourceNotFoundException: Function not found"),
        (("run", "index.py"), "there is no ConsumerApp in index.py"),
        (("run", "index.py", "--reload", "--once"), "exclude each other"),
        (("run", "none.py", "--reload"), "there is no file none.py"),
    ],
)
def test_what_makes_no_sense_is_refused(
    shell: Shell, endpoint: Any, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(TailraceError, match=message):
        shell.run(*arguments)


def test_a_function_that_is_not_there_is_lambdas_to_refuse(shell: Shell, endpoint: Any) -> None:
    endpoint.make("nobodys")
    with pytest.raises(TailraceError, match="Function does not exist"):
        shell.run("add", "nobody", "--table", "nobodys")
    shell.add("nobodys", "--disabled")
    with pytest.raises(TailraceError, match="nobodys has no record that passes"):
        shell.run("invoke", "nobodys", "--last", "1")
    with pytest.raises(TailraceError, match="Function does not exist"):
        shell.run("update", "nobodys", "--function", "nobody")


def test_settings_that_lambda_refuses_change_nothing(shell: Shell, endpoint: Any) -> None:
    endpoint.make("picky")
    with pytest.raises(TailraceError, match="BatchSize"):
        shell.add("picky", "--batch-size", "0")
    with pytest.raises(TailraceError, match="Unsupported starting position"):
        shell.add("picky", "--start", "2026-11-22T07:00:00Z")
    assert shell.json("list", "--table", "picky") == []
    shell.add("picky", "--lanes", "2", "--window", "1", "--max-age", "60")
    with pytest.raises(TailraceError, match="already exists"):
        shell.add("picky")
