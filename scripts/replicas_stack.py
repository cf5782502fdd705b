"""The containers of the replicas' trials: a stack of their own, and what each replica of its API says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos_alerts import give_model
from chaos_stack import output
from e2e_stack import ROOT, TestedStack, free_ports

IMAGES = {f"{name.upper()}_IMAGE": f"vigie-{name}:replicas" for name in ("gateway", "ui", "api", "trainer", "mlflow")}
BUILT = ("gateway", "api", "trainer", "mlflow")
SERVICES = ("gateway", "api", "mailpit")
POLL_S = 10
# What it watches in the container is not its business to know the key of: metrics and readiness are open there.
_PROBE = """
import json, re, time, urllib.request as r
def say(path):
    return r.urlopen("http://127.0.0.1:8000" + path, timeout=2).read().decode()
while True:
    seen = {"ready": False, "leads": False, "version": None}
    try:
        text = say("/metrics")
        seen["leads"] = re.search(r"^vigie_watch_leads 1", text, re.M) is not None
        served = re.search(r'^vigie_model_info{.*version="(\\d+)"', text, re.M)
        seen["version"] = served and served[1]
        seen["ready"] = json.loads(say("/readyz"))["database"]
    except Exception:
        pass
    print(json.dumps(seen), flush=True)
    time.sleep(0.1)
"""
_POST = """
import json, sys, urllib.request as r
asked = json.load(sys.stdin)
head = {"Authorization": "Bearer " + asked["key"], "Content-Type": "application/json"}
with r.urlopen(r.Request("http://127.0.0.1:8000" + asked["path"], json.dumps(asked["body"]).encode(), head)) as answer:
    print(json.dumps([answer.status, json.load(answer)]))
"""
_DIE = """
import os
from pathlib import Path
for found in Path("/proc").glob("[0-9]*/cmdline"):
    words = found.read_bytes().split(b"\\0")
    if b"serve" in words and any(word.endswith(b"vigie-api") for word in words) and int(found.parent.name) != 1:
        os.kill(int(found.parent.name), 9)
"""


@dataclass
class Replica:
    """A container of the API, and what its probe said last."""

    container: str
    addresses: frozenset[str]
    """One in each of its networks."""
    ready: bool = False
    leads: bool = False
    version: str | None = None
    heard_s: float = 0.0
    """When the probe last said anything, as time.monotonic()."""

    async def watch(self) -> None:
        """Take in what the probe says, again and again: it ends with the container's process."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *("docker", "exec", self.container, "python", "-u", "-c", _PROBE),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            assert process.stdout is not None  # noqa: S101 - narrows the type
            try:
                async for line in process.stdout:
                    said = json.loads(line)
                    self.ready, self.leads, self.version = said["ready"], said["leads"], said["version"]
                    self.heard_s = time.monotonic()
                await process.wait()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            self.ready = self.leads = False
            await asyncio.sleep(0.2)

    async def post(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask this replica and no other. Raises RuntimeError when it refuses."""
        process = await asyncio.create_subprocess_exec(
            *("docker", "exec", "--interactive", self.container, "python", "-c", _POST),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaint = await process.communicate(json.dumps({"path": path, "key": key, "body": body}).encode())
        if process.returncode:
            raise RuntimeError(f"{path}: {complaint.decode().strip().splitlines()[-1]}")
        status, answer = json.loads(said)
        return int(status), answer

    async def die(self) -> None:
        """Let its process be killed; Docker starts it again."""
        await output(["docker", "exec", self.container, "python", "-c", _DIE])


@dataclass
class Site:
    """The running stack."""

    stack: TestedStack
    port: int
    mail_port: int
    secrets: dict[str, str] = field(repr=False)
    replicas: list[Replica] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The API, through the gateway."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def keys(self) -> dict[str, str]:
        """The API keys, by the name of whom they belong to."""
        return {name.removeprefix("VIGIE_KEY_"): key for name, key in self.secrets.items() if "VIGIE_KEY_" in name}

    @property
    def leaders(self) -> list[Replica]:
        """Those that say that they lead the watch."""
        return [replica for replica in self.replicas if replica.leads]

    async def compose(self, *arguments: str) -> str:
        """Run `docker compose`; raises RuntimeError with what it said."""
        return await output(self.stack.command("--profile", "dev", *arguments))

    async def start(self, replicas: int) -> None:
        """Start everything, with so many replicas, and wait until it is healthy."""
        await self._up("--wait-timeout", "900", "--scale", f"api={replicas}", *SERVICES)

    async def scale(self, replicas: int) -> None:
        """Let there be so many, and leave everything else alone."""
        await self._up("--no-deps", "--no-recreate", "--scale", f"api={replicas}", "api")

    async def _up(self, *arguments: str) -> None:
        await self.compose("up", "--detach", "--wait", "--quiet-pull", *arguments)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[list[Replica]]:
        """The replicas that there are, each with its probe, for a while."""
        found = (await self.compose("ps", "--quiet", "api")).split()
        self.replicas = [Replica(container, await self._addresses(container)) for container in found]
        watching = [asyncio.create_task(replica.watch()) for replica in self.replicas]
        try:
            await until(lambda: all(replica.ready for replica in self.replicas) and len(self.leaders) == 1, 90)
            yield self.replicas
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _addresses(self, container: str) -> frozenset[str]:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        return frozenset((await output(["docker", "inspect", "--format", form, container])).split())

    async def rows(self, query: str) -> list[list[str]]:
        """What Postgres answers."""
        psql = ("psql", "-U", "postgres", "-d", "vigie", "-AtF", "\t", "-c", query)
        found = await self.compose("exec", "--no-TTY", "postgres", *psql)
        return [line.split("\t") for line in found.splitlines() if line]

    async def asked(self) -> Counter[str]:
        """How many requests the gateway has sent to each address, so far."""
        log = await self.compose("logs", "--no-log-prefix", "gateway")
        return Counter(re.findall(r'"upstream":"([0-9.]+):', log))


def prepare() -> Site:
    """Make a fresh folder, secrets and a port; clear what a killed run left."""
    stack = TestedStack("compose", "vigie-replicas", ROOT / "compose.yaml", ROOT / "artifacts" / "replicas")
    port, mail_port = free_ports(2)
    stack.clear({"VIGIE_PORT": str(port), "MAILPIT_PORT": str(mail_port), "VIGIE_API_POLL_S": str(POLL_S)} | IMAGES)
    make_secrets = [sys.executable, "scripts/env.py", "--file", str(stack.env_file)]
    subprocess.run(make_secrets, cwd=ROOT, check=True, stdout=sys.stderr)
    stack.announce(port, mail_port)
    lines = [line.partition("=") for line in stack.env_file.read_text(encoding="utf-8").splitlines() if "=" in line]
    return Site(stack, port, mail_port, {name: "".join(shlex.split(value)) for name, _, value in lines})


def release(site: Site) -> str:
    """Register a tiny version with the gate's tags, made by hand, and let the alias champion name it; its number."""
    os.environ |= {
        "MLFLOW_TRACKING_USERNAME": "vigie-trainer",
        "MLFLOW_TRACKING_PASSWORD": site.secrets["MLFLOW_TRAINER_PASSWORD"],
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    from mlflow import MlflowClient

    address = f"http://127.0.0.1:{site.port}/mlflow"
    client = MlflowClient(address, address)
    run = client.create_run(client.create_experiment(f"replicas-{time.time_ns()}"))
    with tempfile.TemporaryDirectory(prefix="vigie-replicas-") as folder:
        give_model(Path(folder))
        record = json.loads((Path(folder) / "champion.json").read_text(encoding="utf-8"))
        client.log_artifacts(run.info.run_id, f"{folder}/1", "model/artifacts/vigie")
    tags = {"vigie.gate": record["gate"], "vigie.artifact_digest": record["artifact_digest"], "vigie.recipe": "tiny"}
    made = client.create_model_version("sentiment", f"{run.info.artifact_uri}/model", run_id=run.info.run_id, tags=tags)
    client.set_registered_model_alias("sentiment", "champion", made.version)
    return str(made.version)


async def until(condition: Callable[[], bool], limit_s: float) -> float:
    """Seconds until it held. Raises TimeoutError."""
    began_s = time.monotonic()
    while not condition():
        if time.monotonic() - began_s > limit_s:
            raise TimeoutError(f"it did not come about in {limit_s:.0f} s")
        await asyncio.sleep(0.05)
    return time.monotonic() - began_s
