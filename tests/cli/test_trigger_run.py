"""Programs of `@app.on_change` functions run from the command line, anew when they are saved."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli.trigger_run import code_directory, find_app, set_environment
from tailrace.errors import ConfigurationError

WAIT_S = 60.0
PROGRAM = """
import os
from tailrace.consumer import ConsumerApp

app = ConsumerApp(group="runners-{table}")
VERSION = "{version}"

@app.on_change("{table}")
def note(changes):
    with open(os.environ["OUT"], "a") as out:
        for change in changes:
            out.write(f"{{VERSION}} {{change.keys['pk']}}\\n")
"""


def until(holds: Callable[[], Any], process: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_program_runs_once(run: Any, endpoint: Any, tmp_path: Path) -> None:
    endpoint.make("once")
    endpoint.put("once", "a")
    program = PROGRAM.format(table="once", version="one") + "\napp.run()\n"
    (tmp_path / "work.py").write_text(program)
    out = tmp_path / "out.txt"
    process = run("triggers", "run", "work.py", "--once", "--json", OUT=str(out))
    printed, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, errors
    final = json.loads(printed.splitlines()[-1])
    assert final["note@once"]["records"] == 1
    assert out.read_text() == "one a\n"


def test_a_saved_program_is_started_anew(run: Any, endpoint: Any, tmp_path: Path) -> None:
    endpoint.make("reloaded")
    endpoint.put("reloaded", "a")
    program, out = tmp_path / "work.py", tmp_path / "out.txt"
    out.touch()
    program.write_text("syntax error(")
    process = run("triggers", "run", "work.py", "--reload", OUT=str(out))
    program.write_text(PROGRAM.format(table="reloaded", version="one"))
    until(lambda: out.read_text() == "one a\n", process)
    program.write_text(PROGRAM.format(table="reloaded", version="three"))
    endpoint.put("reloaded", "b")
    until(lambda: out.read_text().splitlines()[-1].endswith("b"), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, errors
    assert "Saved: starting anew." in errors
    rows = endpoint.client.scan(TableName="runners-reloaded")["Items"]
    assert not [row for row in rows if "leaseOwner" in row]


def test_the_app_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    head = "from tailrace.consumer import ConsumerApp\n"
    one, two = 'one = ConsumerApp(group="one")\n', 'two = ConsumerApp(group="two")\n'
    (tmp_path / "single.py").write_text(head + one + "same = one\n")
    (tmp_path / "several.py").write_text(head + one + two)
    assert find_app("single.py").group == "one"
    assert find_app("single").group == "one"
    assert find_app("several.py:two").group == "two"
    with pytest.raises(ConfigurationError, match=r"several\.py has the apps one, two"):
        find_app("several.py")
    with pytest.raises(ConfigurationError, match="there is no ConsumerApp 'head'"):
        find_app("single.py:head")
    assert code_directory("single.py:one") == Path()
    assert code_directory("single") == Path()


def test_the_program_finds_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID")
    for name in (*names, "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        # Set first, so that what the call sets is taken back afterwards.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    set_environment("http://127.0.0.1:8000", None, None)
    found = [os.environ.get(name) for name in names]
    assert found == ["http://127.0.0.1:8000", "us-east-1", "us-east-1", "tailrace"]
    set_environment("https://example.com", "eu-west-1", "work")
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert os.environ["AWS_PROFILE"] == "work"
