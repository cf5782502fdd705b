"""What is in our images, and what is not: their size, their packages, and nothing that somebody could sign in with."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.only_on("compose", reason="the images are those of `make e2e`")]

LIMITS = json.loads(Path(__file__).with_name("image_limits.json").read_text())
# Our packages in each image that runs Python; the first is the one that it is built from.
OURS = {
    "ui": {"vigie-ui": "services/ui"},
    "api": {"vigie-api": "services/api", "vigie-model": "packages/model"},
    "mlflow": {"vigie-mlflow": "services/mlflow"},
    "trainer": {"vigie-trainer": "services/trainer", "vigie-model": "packages/model"},
}
IMAGES = ("gateway", *OURS)
# Shapes of what signs somebody in; checksums and fingerprints of keys, which upstream images name, are none.
SIGN_IN = re.compile(
    r"(?i:(?:password|passwd|secret|token|credentials?|api_?key|access_?key|account_?key|connection_?string)"
    r"\w*[\"']?\s*[=:]\s*[\"']?[^\s\"'$]+)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bvigie_[0-9a-f]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ"
    r"|://[^/\s:@]+:[^/\s@]+@"
)


def docker(*arguments: str, text: str | None = None) -> str:
    result = subprocess.run(["docker", *arguments], input=text, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(params=IMAGES)
def service(request):
    return request.param


@pytest.fixture
def image(stack, service):
    return stack.secrets[f"{service.upper()}_IMAGE"]


@cache
def inspected(image: str) -> dict[str, Any]:
    return json.loads(docker("image", "inspect", image))[0]


@cache
def probed(image: str) -> dict[str, Any]:
    """What the image's own Python tells of it, as root, so that nothing is hidden from it."""
    probe = Path(__file__).with_name("image_probe.py").read_text()
    options = ("--rm", "--interactive", "--network=none", "--read-only", "--user=0:0", "--entrypoint=python")
    return json.loads(docker("run", *options, image, "-", text=probe))


def test_an_image_is_no_larger_than_promised_and_does_not_grow_unnoticed(service, image, capsys):
    size, limits = inspected(image)["Size"] / 1e6, LIMITS[service]
    with capsys.disabled():
        promised = f", promised {limits['promised']} MB" if limits["promised"] else ""
        print(f"\nvigie-{service}: {size:.0f} MB; was {limits['had']} MB, limit {limits['limit']} MB{promised}")

    assert size <= limits["limit"]
    assert limits["promised"] is None or limits["limit"] < limits["promised"]
    assert limits["limit"] <= 1.1 * limits["had"], "a limit so far above the size lets the image grow unnoticed"


def test_nothing_to_sign_in_with_is_in_the_history_or_configuration_of_an_image(stack, image):
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}\n{{.Comment}}", image)
    configuration = json.dumps(inspected(image)["Config"])
    values = {name: value for name, value in stack.secrets.items() if re.search("PASSWORD|SECRET|KEY", name)}

    assert "COPY" in history
    assert len(values) > 10
    assert not [name for name, value in values.items() if value in history or value in configuration]
    assert not SIGN_IN.findall(history)
    assert not [entry for entry in inspected(image)["Config"]["Env"] if SIGN_IN.search(entry)]


@pytest.mark.parametrize(
    "leak",
    [
        "RUN VIGIE_KEY=vigie_0123456789abcdef0123 vigie-api serve",
        "ENV POSTGRES_PASSWORD=hunter2",
        "AZURE_STORAGE_CONNECTION_STRING=DefaultEndpointsProtocol=https",
        "|1 GITHUB_TOKEN=x /bin/sh -c uv sync",
        "pip install --index-url https://user:word@packages.example/simple x",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_what_signs_somebody_in_is_recognised(leak):
    assert SIGN_IN.search(leak)


def test_an_image_says_what_it_is_and_runs_as_nobody_in_particular(service, image):
    configuration = inspected(image)["Config"]
    labels = configuration["Labels"]

    assert configuration["User"] == "10001:10001"
    assert labels["org.opencontainers.image.title"] == f"vigie-{service}"
    assert "Vigie" in labels["org.opencontainers.image.description"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


@pytest.mark.parametrize("service", OURS, indirect=True)
def test_the_packages_of_an_image_are_those_of_the_lock_and_no_other(service, image):
    found = probed(image)
    package = next(iter(OURS[service]))
    command = ["uv", "export", "--locked", "--no-dev", "--no-hashes", "--no-header", "--no-annotate", "--quiet"]
    exported = subprocess.run(
        [*command, "--no-emit-workspace", "--package", package], cwd=ROOT, capture_output=True, text=True, check=True
    )
    requirements = [Requirement(line) for line in exported.stdout.splitlines()]
    locked = {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(found["markers"])
    }
    for name, folder in OURS[service].items():
        locked[name] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]["version"]

    assert found["paths"] == ["/opt/vigie/lib/python3.11/site-packages"]
    assert {canonicalize_name(name): version for name, version in found["distributions"].items()} == locked


@pytest.mark.parametrize("service", OURS, indirect=True)
def test_an_image_carries_no_tool_to_build_with_and_no_rest_of_its_own_building(service, image):
    found = probed(image)

    assert found["compilers"] == []
    assert found["caches"] == []
    assert found["writable"] == []


@pytest.mark.parametrize("service", OURS, indirect=True)
def test_nothing_is_compiled_again_at_each_start(service, image):
    found = probed(image)

    assert found["sources"] > 1000
    assert found["slow_to_import"] == []
