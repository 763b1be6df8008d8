"""An asynchronous invocation that was accepted is made though the server is killed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

WAIT_S = 60.0
CODE = """
import json, pathlib, time
def handler(event, context):
    place = pathlib.Path(event["place"])
    with open(place / "calls", "a") as calls:
        calls.write(context.aws_request_id + " " + str(len(event["filling"])) + "\\n")
    while not (place / "go").exists():
        time.sleep(0.05)
"""


class Server:
    """`tailrace serve` on a directory, in a process of its own."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "tailrace", "serve", "--data", str(data), "--json"]
        self.process = subprocess.Popen(
            [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        self.functions: Any = boto3.client(
            "lambda",
            endpoint_url=json.loads(line)["endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_events_outlive_a_killed_server(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", CODE)
    calls = tmp_path / "calls"
    sizes = [3, 700_000, *([10] * 20)]

    def seen() -> list[tuple[str, int]]:
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [(line.split()[0], int(line.split()[1])) for line in lines if " " in line]

    server = Server(tmp_path / "data")
    try:
        server.functions.create_function(
            FunctionName="f",
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="index.handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=60,
        )
        accepted: dict[str, int] = {}
        for size in sizes:
            event = json.dumps({"place": str(tmp_path), "filling": "x" * size}).encode()
            reply = server.functions.invoke(FunctionName="f", InvocationType="Event", Payload=event)
            assert reply["StatusCode"] == 202
            accepted[reply["ResponseMetadata"]["RequestId"]] = size
        until(lambda: seen())
    finally:
        server.kill()
    assert {name for name, _ in seen()} < accepted.keys()
    calls.unlink()
    (tmp_path / "go").touch()
    server = Server(tmp_path / "data")
    try:
        until(lambda: len(seen()) == len(accepted))
        assert dict(seen()) == accepted
    finally:
        server.kill()
