"""What an attacker who got into one container would find: little, and few ways on."""

from __future__ import annotations

import subprocess

import pytest

from .conftest import LONG_RUNNING

pytestmark = pytest.mark.e2e


@pytest.mark.only_on("compose", reason="test_only_the_gateway_can_be_reached_from_outside says it of sidecars")
def test_only_the_gateway_is_published_and_only_on_this_machine(stack):
    published = {
        (service, binding["HostIp"], port)
        for service in [*LONG_RUNNING, "trainer", "objects-owner"]
        for port, bindings in (stack.inspect(service)["NetworkSettings"]["Ports"] or {}).items()
        for binding in bindings or []
    }

    assert published == {("gateway", "127.0.0.1", "8080/tcp")}


@pytest.mark.only_on("compose", reason="App Service lets nobody set capabilities, limits or a read-only file system")
@pytest.mark.parametrize("service", [*LONG_RUNNING, "trainer"])
def test_a_container_may_do_nothing_that_it_does_not_have_to(stack, service):
    container = stack.inspect(service)
    host = container["HostConfig"]

    assert container["Config"]["User"].split(":")[0] not in {"", "0", "root"}
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"]["max-size"]


@pytest.mark.only_on("compose", reason="sidecars share one network: each reaches what all reach")
@pytest.mark.parametrize(
    ("service", "target", "reaches"),
    [
        ("ui", "api:8000", True),
        ("ui", "postgres:5432", False),
        ("ui", "minio:9000", False),
        ("ui", "mlflow:5000", False),
        ("api", "postgres:5432", True),
        ("api", "minio:9000", False),
        ("mlflow", "minio:9000", True),
    ],
)
def test_a_service_reaches_what_it_needs_and_no_more(stack, service, target, reaches):
    host, port = target.split(":")
    program = f"import socket; socket.create_connection(({host!r}, {port}), timeout=3)"
    # Whether a name is known is Docker's to say; asking on for it outside would take ten seconds.
    asking = ["docker", "exec", "--env", "RES_OPTIONS=timeout:3 attempts:1"]
    command = [*asking, stack.inspect(service)["Id"], "python", "-c", program]

    assert (subprocess.run(command, capture_output=True).returncode == 0) is reaches
