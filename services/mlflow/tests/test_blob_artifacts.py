"""Artifacts in Azure's Blob storage, as on App Service: an identity signs in, and no key is known to anybody.

Azurite is the storage; it reads the token's lifetime, issuer and audience, and not who it is for: the roles can be
tried on Azure only.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import mlflow
import pytest
from azure.storage.blob import ContainerClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vigie_mlflow.blobs import await_blobs
from vigie_mlflow.settings import Settings
from vigie_mlflow.waiting import NotReadyError

from .conftest import MlflowServer, free_port, stop, until

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("mlflow_server")]

AZURITE = Path(__file__).with_name("azurite") / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
ACCOUNT, CONTAINER = "stvigietest", "mlflow"
KEY = base64.b64encode(b"known to the test alone, never to MLflow").decode()
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
IDENTITY_HEADER = "the header of this container"


@dataclass
class Azure:
    """What the server finds around it: storage behind the public name, and the platform's endpoint for tokens."""

    environment: dict[str, str]
    container: ContainerClient
    tokens_asked: list[dict[str, str]] = field(default_factory=list)
    hosts_reached: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder = tmp_path_factory.mktemp("azurite")
    certificate, key = write_certificate(folder)
    port, log = free_port(), folder / "log"
    node = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))
    if node is None or not AZURITE.exists():
        pytest.fail("Azurite is missing: `scripts/setup.sh tests` installs it (make test does it)")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(node, AZURITE, "--blobHost=127.0.0.1", f"--blobPort={port}", f"--cert={certificate}", f"--key={key}"),
                *("--oauth=basic", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"),
            ],
            env={"PATH": os.environ["PATH"], "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
            cwd=folder,
            stdout=output,
            stderr=output,
        )
    container = ContainerClient(
        f"https://127.0.0.1:{port}/{ACCOUNT}", CONTAINER, credential=KEY, connection_verify=str(certificate)
    )
    azure = Azure({}, container)
    try:
        until("Azurite", lambda: socket.create_connection(("127.0.0.1", port)).close(), process, log)
        with container, serve(identity(azure)) as tokens, serve(way_out(azure, port)) as proxy:
            container.create_container()
            azure.environment = {
                "AZURE_CLIENT_ID": CLIENT_ID,
                "IDENTITY_ENDPOINT": f"{tokens}/msi/token",
                "IDENTITY_HEADER": IDENTITY_HEADER,
                "HTTPS_PROXY": proxy,
                "NO_PROXY": "127.0.0.1",
                "REQUESTS_CA_BUNDLE": str(certificate),
            }
            yield azure
    finally:
        stop(process)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write one for Azure's names, which nobody but the test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vigie-tests")])
    names: list[x509.GeneralName] = [x509.DNSName("*.blob.core.windows.net")]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


@contextmanager
def serve(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def identity(azure: Azure) -> type[BaseHTTPRequestHandler]:
    """Give App Service's endpoint for the tokens of an identity (its protocol of 2019-08-01)."""

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: value for name, (value, *_) in parse_qs(urlsplit(self.path).query).items()}
            azure.tokens_asked.append(asked)
            known = self.headers["X-IDENTITY-HEADER"] == IDENTITY_HEADER and asked.get("client_id") == CLIENT_ID
            now = int(time.time())
            claims = {"aud": asked.get("resource"), "iss": "https://sts.windows.net/tests/"}
            claims |= {"iat": now, "nbf": now - 60, "exp": now + 3600}
            parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
            token = ".".join([base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts] + ["unsigned"])
            answer = {"access_token": token, "expires_on": str(now + 3600), "token_type": "Bearer"} if known else {}
            body = json.dumps(answer | {"resource": asked.get("resource")}).encode()
            self.send_response(200 if known else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Endpoint


def way_out(azure: Azure, port: int) -> type[BaseHTTPRequestHandler]:
    """Give the proxy by which the server reaches the internet: every name leads to Azurite."""

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            azure.hosts_reached.add(self.path)
            self.send_response(200)
            self.end_headers()
            with socket.create_connection(("127.0.0.1", port)) as storage:
                ends = {self.connection: storage, storage: self.connection}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)

        def log_message(self, *_: object) -> None:
            pass

    return Proxy


ARTIFACTS = f"wasbs://{CONTAINER}@{ACCOUNT}.blob.core.windows.net"  # as azure/modules/storage.bicep puts it


@pytest.fixture(scope="module")
def blob_server(
    azure: Azure, service_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    kept = {name: value for name, value in service_environment.items() if "_S3_" not in name}
    settings = {
        "VIGIE_MLFLOW_PORT": str(free_port()),
        "VIGIE_MLFLOW_ARTIFACTS": ARTIFACTS,
    }
    server = MlflowServer(kept | settings | azure.environment, tmp_path_factory.mktemp("blob") / "log")
    server.start()
    yield server
    server.stop()


def test_an_artifact_goes_to_blob_storage_and_comes_back_with_the_identity_of_the_container(
    azure, blob_server, monkeypatch, tmp_path
):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "vigie-trainer")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "trainer-password")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
    trainer = mlflow.MlflowClient(blob_server.url, blob_server.url)
    experiment = trainer.create_experiment("blob")
    run = trainer.create_run(experiment).info.run_id
    content = os.urandom(300_000)
    (tmp_path / "weights.bin").write_bytes(content)

    trainer.log_artifact(run, str(tmp_path / "weights.bin"), "vigie")

    stored = f"{experiment}/{run}/artifacts/vigie/weights.bin"
    assert azure.container.download_blob(stored).readall() == content
    assert [(entry.path, entry.is_dir) for entry in trainer.list_artifacts(run)] == [("vigie", True)]
    assert [(entry.path, entry.file_size) for entry in trainer.list_artifacts(run, "vigie")] == [
        ("vigie/weights.bin", len(content))
    ]
    (tmp_path / "back").mkdir()
    assert (
        Path(trainer.download_artifacts(run, "vigie", str(tmp_path / "back"))).joinpath("weights.bin").read_bytes()
        == content
    )
    assert {"api-version": "2019-08-01", "resource": "https://storage.azure.com", "client_id": CLIENT_ID} in (
        azure.tokens_asked
    )
    assert f"{ACCOUNT}.blob.core.windows.net:443" in azure.hosts_reached


def settings(artifacts: str) -> Settings:
    words = {"database_password": "x", "admin_password": "admin-password", "secret_key": "0123456789abcdef"}
    return Settings(artifacts=artifacts, database_host="db", wait_s=0.001, **words)


def test_a_container_that_answers_is_not_waited_for(azure, monkeypatch):
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []

    await_blobs(settings(ARTIFACTS), said.append)

    assert said == []


@pytest.mark.parametrize(
    ("change", "artifacts", "reason"),
    [
        ({}, f"wasbs://none@{ACCOUNT}.blob.core.windows.net", "The specified container does not exist"),
        ({}, f"wasbs://{CONTAINER}@stelsewhere.blob.core.windows.net", "The specified resource does not exist"),
        ({"AZURE_CLIENT_ID": "somebody else"}, ARTIFACTS, "DefaultAzureCredential failed to retrieve a token"),
    ],
    ids=["no container", "no account", "no identity"],
)
def test_storage_that_refuses_us_is_named_at_the_start_and_not_at_the_first_artifact(
    azure, monkeypatch, change, artifacts, reason
):
    for name, value in (azure.environment | change).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(NotReadyError, match=rf"^Blob storage at {re.escape(artifacts)} is not ready .*: {reason}"):
        await_blobs(settings(artifacts), print)
