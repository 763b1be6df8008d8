"""What all tests share: no silent skips where everything is required, and the real servers.

With TAILRACE_REQUIRE_ALL=1, as in continuous integration, a test that would be skipped fails.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tailrace.testing.calling import Caller
from tests.interop import programs

SERVERS = Path(__file__).parent / "servers"
DYNAMODB_LOCAL = Path(__file__).parent / "interop" / "dynamodb-local"
DYNAMODB_LOCAL_MAIN = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
MISSING_PART_STATUS = 77
SERVER_START_S = 300
SERVER_TEST_TIMEOUT_S = 600

Need = Callable[[str], str]

# How long an example takes says something about the machine only.
hypothesis.settings.register_profile("tailrace", deadline=None)
hypothesis.settings.load_profile("tailrace")


def _requires_all() -> bool:
    return os.environ.get("TAILRACE_REQUIRE_ALL", "") not in ("", "0")


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and _requires_all():
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: nothing may be skipped here, yet: {why}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test, by mark, call or fixture, has failed where everything is required."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So has a module that skips itself while it is collected, by importorskip for one."""
    report = yield
    _fail_if_skipped(report)
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a real server may have to wait until it was fetched and started."""
    for item in items:
        if {"opensearch_url", "dynamodb_local_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(SERVER_TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def need() -> Need:
    """`need(program)` gives the path of a program; without it the test is skipped."""

    def find(program: str) -> str:
        path = shutil.which(program)
        if path is None:
            pytest.skip(f"needs the program {program}")
        return path

    return find


@pytest.fixture(scope="session")
def opensearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real OpenSearch, started once for the session and stopped whatever happens.

    Tests share it: each uses indexes of its own name and asks for nothing about the whole cluster.
    """
    directory = tmp_path_factory.mktemp("opensearch")
    port = _free_port()
    with _running("opensearch_server.py", str(port), str(directory)) as server:
        url = f"http://127.0.0.1:{port}"
        health = f"{url}/_cluster/health?wait_for_status=yellow&timeout=2s"
        _wait_until_it_answers(health, server, directory / "opensearch.log")
        yield url


@pytest.fixture(scope="session")
def dynamodb_local_url(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of Amazon's DynamoDB Local, in memory, started once for the session; Maven fetches it
    into the tests' cache. Tests share it: each has tables of its own names and drops them."""
    goals = ["dependency:copy-dependencies", "-DoutputDirectory=lib"]
    built = programs.build(DYNAMODB_LOCAL, [need("mvn"), "-B", "-q", "-ntp", *goals])
    log = tmp_path_factory.mktemp("dynamodb-local") / "dynamodb-local.log"
    port = _free_port()
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    command = programs.java_command(need("java"), built, DYNAMODB_LOCAL_MAIN, *options)
    with _running("guard.py", str(log), *command) as server:
        _wait_until_it_listens(port, server, log)
        yield f"http://127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextlib.contextmanager
def _running(script: str, *arguments: str) -> Iterator[subprocess.Popen[Any]]:
    # Its own process group is killed at the end; should this process be killed before, the closed
    # pipe makes the script stop the server (servers/guard.py).
    server = subprocess.Popen(
        [sys.executable, str(SERVERS / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )

    def stop() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)

    atexit.register(stop)
    try:
        with server:
            try:
                yield server
            finally:
                stop()
    finally:
        atexit.unregister(stop)


def _wait_until_it_answers(url: str, server: subprocess.Popen[Any], log: Path) -> None:
    deadline = time.monotonic() + SERVER_START_S
    while not _answers(url):
        status = server.poll()
        if status is not None:
            said = server.stderr.read().decode() if server.stderr else ""
            if status == MISSING_PART_STATUS:
                pytest.skip(said.strip())
            pytest.fail(f"the server ended while starting\n{said}{_tail(log)}")
        if time.monotonic() > deadline:
            pytest.fail(f"the server was not ready in {SERVER_START_S} s\n{_tail(log)}")
        time.sleep(0.1)


def _wait_until_it_listens(port: int, server: subprocess.Popen[Any], log: Path) -> None:
    deadline = time.monotonic() + SERVER_START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start\n{_tail(log)}")
            time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False


def _tail(log: Path) -> str:
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """An empty bucket of that name, beside one for reports."""
    made = tmp_path / "buckets" / "bucket"
    made.mkdir(parents=True)
    (made.parent / "reports").mkdir()
    return made


@pytest.fixture
def exporter(bucket: Path) -> Caller:
    """A caller who has buckets, and a table whose changes are kept."""
    caller = Caller(s3_directory=bucket.parent)
    caller.create()
    caller.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    return caller


@pytest.fixture
def putter(bucket: Path) -> Caller:
    """A caller who has buckets, and a table whose stream has both images."""
    caller = Caller(s3_directory=bucket.parent)
    caller.create(
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    return caller
