"""The environment variables of a function's processes, as Lambda defines them
(configuration-envvars.html, "Defined runtime environment variables")."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

from tailrace.runtimes.function import FunctionSpec

__all__ = ["process_environment"]

# Of our own process's environment, functions see what programs need to run at all, to find AWS and
# to get out: nothing that only this server was to know.
_PASSED: Final = frozenset(
    {
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_PROFILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "COVERAGE_PROCESS_START",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "LD_LIBRARY_PATH",
        "NO_PROXY",
        "PATH",
        "PYTHONPATH",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "VIRTUAL_ENV",
        "https_proxy",
        "http_proxy",
        "no_proxy",
    }
)


def process_environment(
    spec: FunctionSpec, log_stream: str, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of one process of a function; `inherited` is this process's own."""
    around = os.environ if inherited is None else inherited
    passed = {name: around[name] for name in _PASSED if name in around}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    kind = f"python{version}" if spec.runtime.startswith("python") else spec.runtime
    own = {
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{kind}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_REGION": spec.region,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_RUNTIME_DIR": str(spec.directory),
        "LAMBDA_TASK_ROOT": str(spec.directory),
        "LANG": "en_US.UTF-8",
        # Sources that are saved twice within a second would else be taken for compiled already.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "TZ": ":UTC",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": spec.handler,
    }
    if spec.log_level is not None:
        own["AWS_LAMBDA_LOG_LEVEL"] = spec.log_level
    return {**passed, **spec.environment, **own}
