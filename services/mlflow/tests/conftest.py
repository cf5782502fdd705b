"""A real Postgres, a real S3 server and the real MLflow server, each on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
import psycopg2
import pytest

PASSWORD = "a long p@ss/word: 100%"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(what: str, ready: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `ready` stops raising; fail with the process's log when it ends or never gets there."""
    for _ in range(2000):
        if process.poll() is not None:
            pytest.fail(f"{what} ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        try:
            ready()
        except (OSError, psycopg2.OperationalError, httpx.TransportError, AssertionError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{what} did not start:\n{log.read_text(errors='replace')}")


def postgres_program(name: str) -> str:
    """Find a program of the server: Debian keeps them out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    for folder in [*reversed(folders), *map(Path, os.get_exec_path())]:
        if (folder / name).exists():
            return str(folder / name)
    pytest.fail(f"{name} is missing: apt-get install postgresql (make setup does it)")


@dataclass
class Postgres:
    port: int
    password: str


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("postgres")
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    # The server refuses to run as root; then it runs as the account that its package made.
    owner: dict[str, object] = {}
    if os.geteuid() == 0:
        for path in (folder, password_file):
            shutil.chown(path, "postgres", "postgres")
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and parent != Path("/") and str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        owner = {"user": "postgres", "group": "postgres", "extra_groups": []}
    data = folder / "data"
    subprocess.run(
        [
            *(postgres_program("initdb"), "-D", data, "-U", "mlflow"),
            *("-A", "scram-sha-256", f"--pwfile={password_file}", "--no-sync", "-E", "UTF8", "--locale=C"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **owner,
    )
    port = free_port()
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [postgres_program("postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"],
            stdout=output,
            stderr=output,
            cwd=folder,
            **owner,
        )
    try:
        until(
            "Postgres",
            lambda: psycopg2.connect(
                host="127.0.0.1", port=port, user="mlflow", password=PASSWORD, dbname="postgres"
            ).close(),
            server,
            log,
        )
        yield Postgres(port, PASSWORD)
    finally:
        stop(server)


@dataclass
class S3:
    port: int
    folder: Path
    access_key: str = "vigie-tests"
    secret_key: str = "secret/of+tests"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
        )


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    folder = tmp_path_factory.mktemp("s3")
    server = S3(free_port(), folder / "objects")
    server.folder.mkdir()
    rclone = shutil.which("rclone", path=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))
    if rclone is None:
        pytest.fail("rclone is missing: it comes with the development dependencies (make setup)")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(rclone, "serve", "s3", server.folder, f"--addr=127.0.0.1:{server.port}", "--config=/notfound"),
                *(f"--auth-key={server.access_key},{server.secret_key}", "--no-cleanup"),
            ],
            stdout=output,
            stderr=output,
        )
    try:
        until("rclone serve s3", lambda: socket.create_connection(("127.0.0.1", server.port)).close(), process, log)
        yield server
    finally:
        stop(process)


@dataclass
class MlflowServer:
    """`vigie-mlflow serve` as a process that can be stopped and started again."""

    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int(self.environment["VIGIE_MLFLOW_PORT"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mlflow"

    @property
    def admin_password(self) -> str:
        return self.environment["VIGIE_MLFLOW_ADMIN_PASSWORD"]

    def start(self, **changes: str) -> None:
        self.environment |= {f"VIGIE_MLFLOW_{name.upper()}": value for name, value in changes.items()}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [Path(sys.executable).parent / "vigie-mlflow", "serve"],
                env=self.environment,
                stdout=output,
                stderr=output,
            )

        def answers() -> None:
            assert httpx.get(f"{self.url}/health", timeout=5).status_code == 200

        until("vigie-mlflow serve", answers, self.process, self.log)

    def stop(self) -> None:
        if self.process:
            stop(self.process)
            self.process = None


@pytest.fixture(scope="session")
def service_environment(postgres: Postgres, s3: S3) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/tmp"),
        "VIGIE_MLFLOW_PORT": str(free_port()),
        "VIGIE_MLFLOW_STATIC_PREFIX": "/mlflow",
        "VIGIE_MLFLOW_DATABASE_HOST": "127.0.0.1",
        "VIGIE_MLFLOW_DATABASE_PORT": str(postgres.port),
        "VIGIE_MLFLOW_DATABASE_PASSWORD": postgres.password,
        "VIGIE_MLFLOW_S3_ENDPOINT": s3.endpoint,
        "VIGIE_MLFLOW_S3_ACCESS_KEY": s3.access_key,
        "VIGIE_MLFLOW_S3_SECRET_KEY": s3.secret_key,
        "VIGIE_MLFLOW_ADMIN_PASSWORD": "admin-password-1",
        "VIGIE_MLFLOW_API_PASSWORD": "api-password-123",
        "VIGIE_MLFLOW_TRAINER_PASSWORD": "trainer-password",
        "VIGIE_MLFLOW_SECRET_KEY": "a key that signs forms",
        "VIGIE_MLFLOW_WAIT_S": "5",
    }


@pytest.fixture(scope="session")
def mlflow_server(
    service_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    server = MlflowServer(service_environment, tmp_path_factory.mktemp("mlflow") / "log")
    server.start()
    yield server
    server.stop()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
