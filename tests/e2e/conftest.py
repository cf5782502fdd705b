"""The running stack, as its users and its operator see it. `make e2e` starts it and sets VIGIE_E2E_…"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
LONG_RUNNING = ("gateway", "ui", "api", "mlflow", "postgres", "minio")


@dataclass(frozen=True)
class Stack:
    """The containers and what is known of them from outside."""

    url: str
    project: str
    env_file: Path
    artifacts: Path
    secrets: dict[str, str] = field(repr=False)

    def compose(self, *arguments: str) -> str:
        """Run `docker compose`, give its standard output; fail with what it said."""
        command = ["docker", "compose", "-p", self.project, "--env-file", str(self.env_file), "--ansi=never"]
        result = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, f"docker compose {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def inspect(self, service: str) -> dict[str, Any]:
        """Give what Docker knows of the service's container."""
        identifier = self.compose("ps", "--all", "--quiet", service).strip()
        result = subprocess.run(["docker", "inspect", identifier], capture_output=True, check=True)
        found: dict[str, Any] = json.loads(result.stdout)[0]
        return found

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
        env_file,
        Path(os.environ["VIGIE_E2E_ARTIFACTS"]),
        secrets,
    )


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with stack.api() as client:
        yield client
