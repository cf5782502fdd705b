"""What the server needs to know, read from the environment."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

# MLflow's sign-in refuses shorter passwords; saying it here names the setting.
Password = Annotated[SecretStr, Field(min_length=12)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=63)]


class Settings(BaseSettings):
    """Settings of `vigie-mlflow`, from variables that start with VIGIE_MLFLOW_."""

    model_config = SettingsConfigDict(env_prefix="VIGIE_MLFLOW_", frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    port: int = Field(5000, ge=1, le=65535, description="Port to listen on.")
    static_prefix: str = Field("", pattern=r"^(/[^/\s]+)*$", description="Path under which a gateway publishes MLflow.")
    allowed_hosts: str = Field(
        "localhost,localhost:*,127.0.0.1,127.0.0.1:*",
        description="Host headers that are answered, separated by commas; any other gets 403.",
    )
    cors_origins: str = Field("", description="Origins besides localhost whose pages may write, separated by commas.")

    database_host: str = Field(description="Postgres host.")
    database_port: int = Field(5432, ge=1, le=65535, description="Postgres port.")
    database_user: str = Field("mlflow", description="Postgres role; it may create databases, or they exist already.")
    database_password: SecretStr = Field(description="Password of that role.")
    database_name: Name = Field("mlflow", description="Database of runs and models.")
    database_auth_name: Name = Field("mlflow_auth", description="Database of accounts and permissions.")
    database_sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "prefer", description="TLS to Postgres, in libpq's words."
    )

    artifacts: str = Field(
        "s3://mlflow", pattern=r"^[a-z][a-z0-9+.-]*://.+", description="Where artifacts go; an s3 bucket is created."
    )
    s3_endpoint: str | None = Field(None, description="Address of the S3 server; none means Amazon's.")
    s3_access_key: str | None = Field(None, description="S3 access key.")
    s3_secret_key: SecretStr | None = Field(None, description="S3 secret key.")
    s3_region: str = Field("us-east-1", description="S3 region.")

    admin_user: str = Field("admin", min_length=1, description="Account that may do everything.")
    admin_password: Password = Field(description="Its password; changing it here changes it at the next start.")
    api_password: Password | None = Field(
        None, description="Password of the account `vigie-api`: reads all, moves aliases of the model."
    )
    trainer_password: Password | None = Field(
        None, description="Password of the account `vigie-trainer`: logs runs, registers models."
    )
    model_name: str = Field("sentiment", description="Registered model whose aliases `vigie-api` may move.")
    secret_key: Annotated[SecretStr, Field(min_length=16)] = Field(description="Signs the forms of MLflow's page.")

    wait_s: float = Field(120.0, gt=0, description="How long to wait for Postgres and S3 at start, in seconds.")

    def database_url(self, database: str) -> str:
        """Give the SQLAlchemy address of one of the databases, password included."""
        # The driver is named because SQLAlchemy 2.1 reads a plain postgresql:// as psycopg 3.
        sign_in = f"{quote(self.database_user, safe='')}:{quote(self.database_password.get_secret_value(), safe='')}"
        place = f"{self.database_host}:{self.database_port}/{database}"
        return f"postgresql+psycopg2://{sign_in}@{place}?sslmode={self.database_sslmode}"

    @property
    def bucket(self) -> str | None:
        """Name the bucket to create, or None when artifacts do not go to S3."""
        parts = urlsplit(self.artifacts)
        return parts.netloc if parts.scheme == "s3" else None
