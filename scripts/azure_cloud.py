"""The few questions that are put to Azure, each one call of `az`. `AZ` names another program: tests put one there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_ENDED = {"Succeeded", "Failed", "Stopped", "Degraded"}


class CloudError(Exception):
    """What Azure refused, in its own words."""


@dataclass(frozen=True)
class Cloud:
    """One resource group."""

    group: str
    pause_s: float = 10.0

    def deploy(self, template: str, parameters: Mapping[str, Any], file: Path | None = None) -> dict[str, Any]:
        """Deploy a template of azure/ and give its outputs by name."""
        name = f"vigie-{Path(template).stem}"
        return _outputs(
            self._json("deployment", "group", "create", "--name", name, *self._template(template, parameters, file))
        )

    def deployed(self, template: str) -> dict[str, Any]:
        """The outputs of the template's last deployment."""
        return _outputs(self._json("deployment", "group", "show", "--name", f"vigie-{Path(template).stem}"))

    def what_if(self, template: str, parameters: Mapping[str, Any], file: Path | None = None) -> str:
        """Say what deploying would change."""
        return self._run("deployment", "group", "what-if", *self._template(template, parameters, file))

    def run_job(self, job: str, timeout_s: float = 14_400.0, say: Callable[[str], None] = print) -> None:
        """Start a Container Apps job and wait for its end. Raises CloudError when it does not succeed."""
        execution = self._json("containerapp", "job", "start", "--name", job)["name"]
        say(f"job {job}: {execution} started")
        deadline = time.monotonic() + timeout_s
        while True:
            shown = self._json(
                *("containerapp", "job", "execution", "show", "--name", job, "--job-execution-name", execution)
            )
            status = str(shown["properties"]["status"])
            if status in _ENDED:
                break
            if time.monotonic() >= deadline:
                raise CloudError(f"job {job}: {execution} is still {status} after {timeout_s:.0f} s")
            time.sleep(self.pause_s)
        if status != "Succeeded":
            raise CloudError(f"job {job}: {execution} ended {status}; its log is in Log Analytics")
        say(f"job {job}: succeeded")

    def stop(self, site: str, slot: str | None) -> None:
        """Stop the slot, so that nothing old can answer any more."""
        self._run("webapp", "stop", "--name", site, *_slot(slot))

    def start(self, site: str, slot: str | None) -> None:
        """Start the slot."""
        self._run("webapp", "start", "--name", site, *_slot(slot))

    def swap(self, site: str) -> None:
        """Exchange staging and production."""
        self._run(
            *("webapp", "deployment", "slot", "swap", "--name", site, "--slot", "staging"),
            *("--target-slot", "production"),
        )

    def digests(self, site: str, slot: str | None) -> dict[str, str]:
        """The digest of each container of the slot; empty when there is none yet."""
        found = self._json("webapp", "sitecontainers", "list", "--name", site, *_slot(slot)) or []
        digests = {}
        for container in found:
            properties = container.get("properties") or container
            _, at, digest = str(properties["image"]).partition("@")
            if at:
                digests[str(container["name"]).rpartition("/")[2]] = digest
        return digests

    def secret(self, vault: str, name: str) -> str | None:
        """A secret of the vault; None when there is none of that name."""
        command = ("keyvault", "secret", "show", "--vault-name", vault, "--name", name, "--query", "value")
        try:
            return str(self._json(*command, grouped=False))
        except CloudError as error:
            if "SecretNotFound" in str(error):
                return None
            raise

    def keep_secret(self, vault: str, name: str, file: Path) -> None:
        """Store the content of `file`: a secret is never on a command line."""
        self._run(
            *("keyvault", "secret", "set", "--vault-name", vault, "--name", name, "--file", str(file)),
            *("--encoding", "utf-8", "--output", "none"),
            grouped=False,
        )

    def _template(self, template: str, parameters: Mapping[str, Any], file: Path | None) -> list[str]:
        words = ["--template-file", str(ROOT / "azure" / template), "--parameters"]
        if file is not None:
            words.append(f"@{file}")
        return [*words, *(f"{name}={_word(value)}" for name, value in parameters.items())]

    def _json(self, *words: str, grouped: bool = True) -> Any:
        said = self._run(*words, "--output", "json", grouped=grouped)
        try:
            return json.loads(said) if said.strip() else None
        except ValueError:
            raise CloudError(f"az {words[0]} {words[1]} gave no JSON") from None

    def _run(self, *words: str, grouped: bool = True) -> str:
        program = shutil.which(os.environ.get("AZ", "az"))
        if program is None:
            raise CloudError("the Azure CLI `az` is not installed")
        group = ["--resource-group", self.group] if grouped else []
        done = subprocess.run([program, *words, *group], capture_output=True, text=True, check=False)
        if done.returncode:
            raise CloudError(f"az {' '.join(words[:4])}: {done.stderr.strip() or f'exit {done.returncode}'}")
        if done.stderr.strip():
            print(done.stderr.strip(), file=sys.stderr)
        return done.stdout


def _outputs(answer: dict[str, Any]) -> dict[str, Any]:
    outputs = (answer.get("properties") or {}).get("outputs") or {}
    return {key: output["value"] for key, output in outputs.items()}


def _slot(slot: str | None) -> Sequence[str]:
    return ("--slot", slot) if slot else ()


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
