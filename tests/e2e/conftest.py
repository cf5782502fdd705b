"""The running stack, as its users and its operator see it. `make e2e` starts it and sets VIGIE_E2E_…

There are two topologies: `compose`, each service in networks of its own, and `sidecars`, as on App Service
(`make e2e-azure`). A test that can mean nothing in one of them is left out there, by the marker `only_on`; which and
why is printed at the end.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOPOLOGY = os.environ.get("VIGIE_E2E_TOPOLOGY", "compose")
LEFT_OUT = pytest.StashKey[list[tuple[str, str]]]()
LONG_RUNNING = ("gateway", "ui", "api", "mlflow", "postgres", "minio")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    elsewhere = {}
    for item in items:
        marker = item.get_closest_marker("only_on")
        if marker is not None and marker.args[0] != TOPOLOGY:
            elsewhere[item] = marker.kwargs["reason"]
    config.stash[LEFT_OUT] = [(item.name.partition("[")[0], why) for item, why in elsewhere.items()]
    if elsewhere:
        config.hook.pytest_deselected(items=list(elsewhere))
        items[:] = [item for item in items if item not in elsewhere]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, [])
    if left_out and "VIGIE_E2E_TOPOLOGY" in os.environ:
        terminalreporter.section(f"left out: they mean nothing in the topology {TOPOLOGY}")
        for (name, reason), count in Counter(left_out).items():
            terminalreporter.write_line(f"{name}{f' ({count} times)' if count > 1 else ''}: {reason}")


@dataclass(frozen=True)
class Stack:
    """The containers and what is known of them from outside."""

    url: str
    project: str
    compose_file: Path
    env_file: Path
    artifacts: Path
    secrets: dict[str, str] = field(repr=False)

    def compose(self, *arguments: str) -> str:
        """Run `docker compose`, give its standard output; fail with what it said."""
        files = ["--file", str(self.compose_file), "--env-file", str(self.env_file)]
        command = ["docker", "compose", "--project-name", self.project, *files, "--ansi=never"]
        result = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, f"docker compose {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def inspect(self, service: str) -> dict[str, Any]:
        """Give what Docker knows of the service's container."""
        identifier = self.compose("--profile", "*", "ps", "--all", "--quiet", service).strip()
        result = subprocess.run(["docker", "inspect", identifier], capture_output=True, check=True)
        found: dict[str, Any] = json.loads(result.stdout)[0]
        return found

    def containers(self) -> list[dict[str, Any]]:
        """Give what Docker knows of every container of the stack, running or not."""
        identifiers = self.compose("--profile", "*", "ps", "--all", "--quiet").split()
        result = subprocess.run(["docker", "inspect", *identifiers], capture_output=True, check=True)
        found: list[dict[str, Any]] = json.loads(result.stdout)
        return found

    def log(self, service: str) -> str:
        """Give what the service's container has said so far."""
        return self.compose("logs", "--no-color", "--no-log-prefix", service)

    def api(self, key: str = "admin") -> httpx.Client:
        """Open a client of the API, through the gateway, with one of the installation's keys."""
        headers = {"Authorization": f"Bearer {self.secrets[f'VIGIE_KEY_{key.upper()}']}"}
        return httpx.Client(base_url=f"{self.url}/api", headers=headers, timeout=30)

    def ready(self) -> bool:
        """Tell whether the API serves a model and the page answers."""
        try:
            return all(httpx.get(f"{self.url}{path}", timeout=5).status_code == 200 for path in ("/api/readyz", "/"))
        except httpx.TransportError:
            return False


def wait_until(what: str, condition: Callable[[], object], limit_s: float = 180) -> None:
    """Poll until the condition holds; the limit only ends a test that would never end."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {limit_s:.0f} s in vain for: {what}")
        time.sleep(0.5)


@pytest.fixture(scope="session")
def stack() -> Stack:
    if "VIGIE_E2E_URL" not in os.environ:
        pytest.fail("these tests need the running containers: use `make e2e`")
    env_file = Path(os.environ["VIGIE_E2E_ENV"])
    lines = [line.partition("=") for line in env_file.read_text().splitlines() if "=" in line]
    secrets = {name: "".join(shlex.split(value)) for name, _, value in lines if not name.startswith("#")}
    return Stack(
        os.environ["VIGIE_E2E_URL"],
        os.environ["VIGIE_E2E_PROJECT"],
        Path(os.environ["VIGIE_E2E_COMPOSE"]),
        env_file,
        Path(os.environ["VIGIE_E2E_ARTIFACTS"]),
        secrets,
    )


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with stack.api() as client:
        yield client
