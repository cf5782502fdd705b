"""What Azure hands to each container, read from azure/: for running the same containers without Azure.

`azure/containers.json` says it of the sidecars (as azure/modules/settings.bicep and containers.bicep read it),
`azure/modules/jobs.bicep` of the jobs, `azure/modules/inside.bicep` of the MLflow server beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

AZURE = Path(__file__).resolve().parent.parent / "azure"


class SettingsError(Exception):
    """The files in azure/ say something that is not understood here, or ask for what nobody gave."""


class Job(NamedTuple):
    """One job of Container Apps: name of its image, its words after the image's entry point, its environment."""

    image: str
    words: list[str]
    environment: dict[str, str]


def main_port() -> int:
    """Give the one port that App Service publishes."""
    (port,) = (container["port"] for container in _containers().values() if container["main"])
    return int(port)


def sidecars(secrets: Mapping[str, str], computed: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Give the environment of each sidecar.

    Args:
        secrets: name in the vault -> value; one that is missing there arrives empty, as on Azure.
        computed: setting -> value, for exactly those that `main.bicep` computes.

    Raises:
        SettingsError: a computed setting is missing or too many.
    """
    containers = _containers()
    wanted = {name for container in containers.values() for name in container["computed"]}
    if wanted != set(computed):
        raise SettingsError(f"computed settings, wanted here or there only: {sorted(wanted ^ set(computed))}")
    return {
        name: container["settings"]
        | {variable: secrets.get(secret, "") for variable, secret in container["secrets"].items()}
        | {variable: computed[variable] for variable in container["computed"]}
        for name, container in containers.items()
    }


def ports() -> dict[str, int]:
    """Give the port of each sidecar."""
    return {name: int(container["port"]) for name, container in _containers().items()}


def jobs(secrets: Mapping[str, str], expressions: Mapping[str, str]) -> dict[str, Job]:
    """Give the jobs by name.

    Args:
        secrets: name in the vault -> value.
        expressions: what a Bicep expression stands for, by its text; literals need no entry.

    Raises:
        SettingsError: an expression or a secret is not among them.
    """
    source = _module("jobs")
    tables = source[source.index("var variables = {") : source.index("var jobs = [")]
    environments = {
        name: _environment(body, secrets, expressions)
        for name, body in re.findall(r"^  '?([\w-]+)'?: \[\n(.*?)^  \]", tables, re.MULTILINE | re.DOTALL)
        if name in {"trainer", "roles", "migrate"}  # those of the staging slot are the same
    }
    listed = source[source.index("var jobs = [") : source.index("var jobsOfStaging")]
    pattern = r"name: '([\w-]+)'\s+image: '(\w+)'\s+command: \[(.*)\]\s+args: \[(.*)\](?:.|\n)*?variables: '([\w-]+)'"
    return {
        name: Job(image, _words(command) + _words(arguments), environments[variables])
        for name, image, command, arguments, variables in re.findall(pattern, listed)
    }


def inner_mlflow(secrets: Mapping[str, str], expressions: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of the MLflow server that the jobs talk to. Takes and raises what `jobs` does."""
    source = _module("inside")
    start = source.index("env: [", source.index("resource mlflow "))
    return _environment(source[start : source.index("scale:", start)], secrets, expressions)


def _containers() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((AZURE / "containers.json").read_text(encoding="utf-8"))
    return found


def _module(name: str) -> str:
    text = (AZURE / "modules" / f"{name}.bicep").read_text(encoding="utf-8")
    return re.sub(r"^\s*//.*\n", "", text, flags=re.MULTILINE)


def _environment(body: str, secrets: Mapping[str, str], expressions: Mapping[str, str]) -> dict[str, str]:
    environment = {}
    for name, kind, said in re.findall(r"name: '(\w+)'\s+(value|secretRef): (.+)", body):
        literal = re.fullmatch(r"'([^$']*)'", said)
        known: Mapping[str, str] = secrets if kind == "secretRef" else expressions
        key = literal[1] if literal else said
        if kind == "value" and literal:
            environment[name] = literal[1]
        elif key in known:
            environment[name] = known[key]
        else:
            raise SettingsError(f"{name} in azure/modules: nothing here says what {said} stands for")
    return environment


def _words(listed: str) -> list[str]:
    words = []
    for file, literal in re.findall(r"loadTextContent\('([^']+)'\)|'([^']*)'", listed):
        words.append((AZURE / "modules" / file).read_text(encoding="utf-8") if file else literal)
    return words
