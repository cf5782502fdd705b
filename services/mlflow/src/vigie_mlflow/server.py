"""The command line and environment with which `mlflow server` runs."""

from __future__ import annotations

import configparser
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vigie_mlflow.settings import Settings

_AUTHENTICATE = "mlflow.server.auth:authenticate_request_basic_auth"


def write_auth_config(settings: Settings) -> Path:
    """Write MLflow's sign-in configuration to a fresh file that only this user reads."""
    config = configparser.ConfigParser()
    config["mlflow"] = {
        "default_permission": "READ",
        # The reader interpolates: a percent sign, as in an encoded password, is written twice.
        "database_uri": settings.database_url(settings.database_auth_name).replace("%", "%%"),
        "admin_username": settings.admin_user.replace("%", "%%"),
        "authorization_function": _AUTHENTICATE,
        # Checking a password costs 0.2 s of hashing. One worker serves, so a changed password counts at once.
        "auth_cache_ttl_seconds": "60",
    }
    descriptor, name = tempfile.mkstemp(prefix="vigie-mlflow-", suffix=".ini")  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        config.write(file)
    return Path(name)


def server_environment(settings: Settings, auth_config: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of the server: secrets travel here, never on the command line.

    Our own variables do not go on, so that each secret has one name in the server's process.
    """
    environment = {name: value for name, value in inherited.items() if not name.startswith("VIGIE_MLFLOW_")}
    environment |= {
        "MLFLOW_BACKEND_STORE_URI": settings.database_url(settings.database_name),
        "MLFLOW_AUTH_CONFIG_PATH": str(auth_config),
        "MLFLOW_AUTH_ADMIN_PASSWORD": settings.admin_password.get_secret_value(),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": settings.secret_key.get_secret_value(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its worker pool takes 1.3 GB of memory
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # MLflow's own business, said three times at each start.
        "PYTHONWARNINGS": "ignore:starlette.middleware.wsgi is deprecated",
        "AWS_DEFAULT_REGION": settings.s3_region,
    }
    if settings.s3_endpoint:
        environment["MLFLOW_S3_ENDPOINT_URL"] = settings.s3_endpoint
    if settings.s3_access_key and settings.s3_secret_key:
        environment["AWS_ACCESS_KEY_ID"] = settings.s3_access_key
        environment["AWS_SECRET_ACCESS_KEY"] = settings.s3_secret_key.get_secret_value()
    return environment


def server_command(settings: Settings) -> list[str]:
    """Give the command line of the server."""
    command = [
        *(sys.executable, "-m", "mlflow", "server"),
        f"--host={settings.host}",
        f"--port={settings.port}",
        "--workers=1",
        "--app-name=basic-auth",
        # The gateway logs what people do; the rest is health checks and the API's polling.
        "--uvicorn-opts=--no-access-log",
        f"--artifacts-destination={settings.artifacts}",
        f"--allowed-hosts={settings.allowed_hosts}",
    ]
    if settings.static_prefix:
        command.append(f"--static-prefix={settings.static_prefix}")
    if settings.cors_origins:
        command.append(f"--cors-allowed-origins={settings.cors_origins}")
    return command
