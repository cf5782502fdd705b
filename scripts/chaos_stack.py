"""The containers of the chaos suite: a stack of their own, and the variations of it that some faults need.

`plain` is compose.yaml with an SMTP sink in mailpit's place. `spool`: the API's spool is a small disk. `proxy`: the API
reaches Postgres through a proxy that obeys. `clock`: the API's clock is read from a file.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos_ledger import Stored
from e2e_stack import ROOT, TestedStack, free_ports

SERVICES = ("gateway", "api", "mlflow", "postgres", "minio", "mailpit")
IMAGES = {f"{name.upper()}_IMAGE": f"vigie-{name}:chaos" for name in ("gateway", "ui", "api", "trainer", "mlflow")}
CLOCK_IMAGE = "vigie-api-clock:chaos"
SPOOL_BYTES = "256k"
POLL_S = 2.0
STARTS = 3
_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@dataclass(frozen=True)
class ChaosStack(TestedStack):
    """As for the end-to-end tests, with further compose files by variation."""

    def command_of(self, variation: str, *arguments: str) -> list[str]:
        """The command line of `docker compose` for a variation of this stack."""
        whole = self.command(*arguments)
        at = whole.index("--env-file")
        files = [self.override("plain")] + ([self.override(variation)] if variation != "plain" else [])
        return [*whole[:at], *(word for file in files for word in ("--file", str(file))), *whole[at:]]

    def override(self, variation: str) -> Path:
        """The compose file of a variation."""
        return self.artifacts / f"{variation}.json"

    def down(self) -> None:
        """Take everything down, data included, and the disk that only a variation knows."""
        super().down()
        subprocess.run(["docker", "volume", "rm", f"{self.project}_small-spool"], capture_output=True, check=False)


@dataclass
class Site:
    """The running stack as the faults and the bookkeeping see it."""

    stack: ChaosStack
    replicas: int
    port: int
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    variation: str = "plain"

    @property
    def url(self) -> str:
        """The gateway."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def keys(self) -> dict[str, str]:
        """The API keys, by the name of whom they belong to."""
        return {name.removeprefix("VIGIE_KEY_"): key for name, key in self.secrets.items() if "VIGIE_KEY_" in name}

    async def compose(self, *arguments: str) -> str:
        """Run `docker compose`; raises RuntimeError with what it said."""
        return await output(self.stack.command_of(self.variation, "--profile", "dev", *arguments))

    async def vary(self, variation: str) -> None:
        """Make the API's containers anew, as this variation wants them."""
        if variation == self.variation:
            return
        self.variation = variation
        helpers = {"proxy": ("proxy",)}.get(variation, ())
        await self.up("--no-deps", "api", *helpers)

    async def up(self, *arguments: str) -> None:
        """Start what is named, or everything that the suite needs, and wait until it is healthy."""
        scale = ("--scale", f"api={self.replicas}")
        for attempts_left in reversed(range(STARTS)):
            try:
                await self.compose(
                    "up", "--detach", "--wait", "--wait-timeout", "600", "--quiet-pull", *scale, *arguments
                )
            except RuntimeError as error:  # on a busy machine a health check may give up before its container is up
                if not attempts_left:
                    raise
                print(f"chaos: {error}", file=sys.stderr, flush=True)
            else:
                return

    async def containers(self, service: str) -> list[str]:
        """The ids of a service's containers, running or not, in the order of their numbers."""
        labels = (f"com.docker.compose.project={self.stack.project}", f"com.docker.compose.service={service}")
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        form = '{{.Label "com.docker.compose.container-number"}} {{.ID}}'
        return [
            line.split()[1] for line in sorted((await self.docker("ps", "-a", *filters, "--format", form)).splitlines())
        ]

    async def docker(self, *arguments: str) -> str:
        """Run `docker`; raises RuntimeError with what it said."""
        return await output(["docker", *arguments])

    async def succeeds(self, *arguments: str) -> bool:
        """Whether a `docker` command ends well."""
        try:
            await self.docker(*arguments)
        except RuntimeError:
            return False
        return True

    async def rows(self, query: str) -> list[list[str]]:
        """What Postgres answers. Raises RuntimeError while it is away."""
        (postgres,) = await self.containers("postgres")
        found = await self.docker("exec", postgres, "psql", "-U", "postgres", "-d", "vigie", "-AtF", "\t", "-c", query)
        return [line.split("\t") for line in found.splitlines() if line]

    async def stored(self, run: str) -> Stored:
        """What there is of a run's verdicts and mentions, and all e-mails. Raises RuntimeError: Postgres is away."""
        verdicts = await self.rows(
            f"SELECT prediction_id, count(*) FROM feedback WHERE comment = '{run}' GROUP BY 1"  # noqa: S608 - our own name
        )
        mentions = await self.rows(
            f"SELECT external_id, count(*), min(stage) FROM mentions WHERE external_id LIKE '{run}-%' GROUP BY 1"  # noqa: S608 - our own name
        )
        letters = await self.rows("SELECT message_id FROM alert_outbox WHERE channel = 'email'")
        ((counted, watched),) = await self.rows(
            "SELECT (SELECT count(*) FROM mentions WHERE stage = 2), "
            "(SELECT coalesce(sum(posts), 0) FROM mention_counts WHERE step_s = 300)"
        )
        return Stored(
            verdicts={prediction: int(times) for prediction, times in verdicts},
            mentions={mention: int(times) for mention, times, _ in mentions},
            judged={mention for mention, _, stage in mentions if int(stage) > 0},
            letters_due={letter for (letter,) in letters},
            letters_taken=Counter(self.letters()),
            counted=int(counted),
            watched=int(watched),
        )

    def letters(self) -> list[str]:
        """The Message-ID of every e-mail that the mail server took, in order."""
        file = self.stack.artifacts / "mail" / "taken"
        return file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []


def prepare(replicas: int) -> Site:
    """Make a fresh folder, secrets, a port, and the compose files of the variations; clear what a killed run left."""
    stack = ChaosStack("compose", "vigie-chaos", ROOT / "compose.yaml", ROOT / "artifacts" / "chaos")
    port, mail_port = free_ports(2)
    stack.clear(
        {
            "VIGIE_PORT": str(port),
            "MAILPIT_PORT": str(mail_port),
            "VIGIE_API_POLL_S": str(POLL_S),
            "VIGIE_API_ALERT_COOLDOWN_S": "0",
        }
        | IMAGES
    )
    for folder in ("mail", "clock"):
        (stack.artifacts / folder).mkdir()
        (stack.artifacts / folder).chmod(0o777)
    for name, override in overrides(stack.artifacts).items():
        stack.override(name).write_text(json.dumps(override), encoding="utf-8")
    make_secrets = [sys.executable, "scripts/env.py", "--file", str(stack.env_file)]
    subprocess.run(make_secrets, cwd=ROOT, check=True, stdout=sys.stderr)
    stack.announce(port, mail_port)
    lines = [line.partition("=") for line in stack.env_file.read_text(encoding="utf-8").splitlines() if "=" in line]
    return Site(stack, replicas, port, {name: "".join(shlex.split(value)) for name, _, value in lines})


def overrides(artifacts: Path) -> dict[str, dict[str, Any]]:
    """The compose files of the variations, by name."""
    scripts = f"{ROOT / 'scripts'}:/chaos:ro"
    sink = {
        "image": IMAGES["API_IMAGE"],
        "command": ["python", "/chaos/chaos_inbox.py", "--port", "1025", "--file", "/mail/taken"],
        "volumes": [scripts, f"{artifacts / 'mail'}:/mail"],
        "healthcheck": {
            "test": ["CMD", "python", "-c", "import socket; socket.create_connection(('127.0.0.1', 1025), 2)"]
        },
    }
    proxy = {
        "image": IMAGES["API_IMAGE"],
        "command": ["python", "/chaos/chaos_proxy.py", "--to", "postgres:5432"],
        "init": True,
        "networks": ["database"],
        "volumes": [scripts],
    }
    database = "postgresql+psycopg://vigie:${VIGIE_DB_API_PASSWORD}@proxy:5432/vigie"
    small = {
        "driver": "local",
        "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": f"size={SPOOL_BYTES},uid=10001"},
    }
    clock = {
        "image": CLOCK_IMAGE,
        "volumes": [f"{artifacts / 'clock'}:/clock:ro"],
        "environment": {
            "LD_PRELOAD": _FAKETIME,
            "FAKETIME_TIMESTAMP_FILE": "/clock/now",
            "FAKETIME_CACHE_DURATION": "1",
            # A clock that is set does not move the one that only ever goes on.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
    }
    return {
        "plain": {"services": {"mailpit": sink}},
        "spool": {
            "services": {"api": {"volumes": ["small-spool:/var/lib/vigie/spool"]}},
            "volumes": {"small-spool": small},
        },
        "proxy": {"services": {"api": {"environment": {"VIGIE_API_DATABASE_URL": database}}, "proxy": proxy}},
        "clock": {"services": {"api": clock}},
    }


async def output(command: list[str]) -> str:
    """Run a command; give its standard output. Raises RuntimeError with what it said when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaint = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} … {' '.join(command[-4:])}: {complaint.decode().strip()[-500:]}")
    return said.decode()


async def until(condition: Callable[[], Awaitable[bool]], limit_s: float, every_s: float = 0.25) -> float | None:
    """Ask again and again; the seconds until it held, None when it did not within `limit_s`."""
    began = time.monotonic()
    while not await condition():
        if time.monotonic() - began > limit_s:
            return None
        await asyncio.sleep(every_s)
    return time.monotonic() - began
