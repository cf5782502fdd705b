"""The containers as App Service runs them: one network, no durable disk, no start order. Run by `make e2e-azure`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from .conftest import ROOT, Stack, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.only_on("sidecars", reason="there is no shared network namespace")]

CONTAINERS: dict[str, dict[str, Any]] = json.loads((ROOT / "azure" / "containers.json").read_text())
STAND_INS = yaml.safe_load((ROOT / "tests/e2e/azure/compose.yaml").read_text())["services"]
EACH = pytest.mark.parametrize("sidecar", list(CONTAINERS))


def test_only_the_gateway_can_be_reached_from_outside(stack: Stack) -> None:
    published = {
        (container["Config"]["Labels"]["com.docker.compose.service"], binding["HostIp"], port)
        for container in stack.containers()
        for port, bindings in (container["NetworkSettings"]["Ports"] or {}).items()
        for binding in bindings or []
    }

    assert published == {("netns", "127.0.0.1", f"{CONTAINERS['gateway']['port']}/tcp")}
    assert json.loads(httpx.get(f"{stack.url}/api/").text)["name"] == "Vigie API"  # and that is the gateway


@EACH
def test_all_share_one_network_and_find_each_other_on_localhost(stack: Stack, sidecar: str) -> None:
    port = CONTAINERS[sidecar]["port"]
    program = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=10)"
    owner = stack.inspect("netns")["Id"]

    stack.compose("exec", "-T", "ui", "python", "-c", program)

    assert stack.inspect(sidecar)["HostConfig"]["NetworkMode"] == f"container:{owner}"


@EACH
def test_a_sidecar_knows_what_the_list_gives_it_and_nothing_else(stack: Stack, sidecar: str) -> None:
    container = stack.inspect(sidecar)
    image = subprocess.run(
        ["docker", "image", "inspect", "-f", "{{json .Config.Env}}", container["Config"]["Image"]],
        capture_output=True,
        check=True,
    )
    of_the_image = set(json.loads(image.stdout))
    listed = CONTAINERS[sidecar]

    given = {entry.partition("=")[0] for entry in container["Config"]["Env"] if entry not in of_the_image}

    of_stand_ins = set(STAND_INS[sidecar].get("environment", {}))
    assert given == {*listed["settings"], *listed["secrets"], *listed["computed"]} | of_stand_ins


@EACH
def test_a_sidecar_has_no_rights_though_the_platform_takes_none_away(stack: Stack, sidecar: str) -> None:
    assert not stack.inspect(sidecar)["HostConfig"]["CapDrop"]

    status = stack.compose("exec", "-T", sidecar, "cat", "/proc/1/status")

    rights = dict(line.split(":", 1) for line in status.splitlines())
    assert int(rights["CapEff"], 16) == 0
    assert "0" not in rights["Uid"].split()


def test_every_connection_to_the_database_is_encrypted(stack: Stack) -> None:
    question = (
        "SELECT usename, bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE usename IN ('vigie', 'mlflow') GROUP BY usename ORDER BY usename"
    )

    answer = stack.compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-At", "-c", question)

    assert answer.split() == ["mlflow|t", "vigie|t"]


def test_the_smoke_test_of_a_release_passes(stack: Stack) -> None:
    command = [sys.executable, ROOT / "scripts" / "smoke.py", stack.url, "--key-env", "KEY"]

    said = subprocess.run(command, env={"KEY": stack.secrets["VIGIE_KEY_SMOKE"]}, capture_output=True, text=True)

    assert said.returncode == 0, said.stdout + said.stderr


@pytest.fixture
def no_database(stack: Stack) -> Iterator[None]:
    stack.compose("stop", "postgres")
    try:
        yield
    finally:
        stack.compose("start", "postgres")
        wait_until("page and API are back", stack.ready)


def test_without_the_database_tweets_are_judged_and_a_new_api_waits_for_it_and_says_so(
    stack: Stack, request: pytest.FixtureRequest
) -> None:
    with stack.api("ui") as page:
        tweet = page.post("/v1/predict", json={"text": "Three hours late, bravo"}).json()
        verdict = {"prediction_id": tweet["id"], "verdict": "wrong"}
        wait_until("the prediction is kept", lambda: page.post("/v1/feedback", json=verdict).status_code == 201)

        request.getfixturevalue("no_database")
        assert page.post("/v1/predict", json={"text": "Three hours late, bravo"}).status_code == 200
        refused = page.post("/v1/feedback", json=verdict)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"

        stack.compose("up", "--detach", "--no-deps", "--force-recreate", "api")
        wait_until("it says what it waits for", lambda: "the database is away" in stack.log("api"))
        assert httpx.get(f"{stack.url}/api/readyz").status_code == 503  # it has no disk to keep a model on

        stack.compose("start", "postgres")
        wait_until("page and API are back", stack.ready)
        wait_until("the verdict is taken", lambda: page.post("/v1/feedback", json=verdict).status_code in (200, 201))
        assert stack.inspect("api")["RestartCount"] == 0
