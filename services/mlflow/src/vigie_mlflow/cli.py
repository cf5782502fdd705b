"""Command `vigie-mlflow`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer
from pydantic import ValidationError

from vigie_mlflow.health import UnhealthyError, check
from vigie_mlflow.settings import Settings
from vigie_mlflow.waiting import NotReadyError

app = typer.Typer(
    name="vigie-mlflow",
    help="The MLflow server of Vigie: Postgres back end, S3 artifacts, sign-in. Settings: VIGIE_MLFLOW_… variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (VIGIE_MLFLOW_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (VIGIE_MLFLOW_PORT).")] = None,
) -> None:
    """Prepare databases, schema, bucket and accounts, then become the server."""
    # Slow to import, and the health check runs every few seconds.
    from vigie_mlflow.blobs import await_blobs
    from vigie_mlflow.bucket import prepare_bucket
    from vigie_mlflow.database import one_at_a_time, prepare_databases, upgrade_schema
    from vigie_mlflow.server import server_command, server_environment, write_auth_config

    settings = _settings()
    settings = settings.model_copy(update={k: v for k, v in (("host", host), ("port", port)) if v is not None})
    try:
        prepare_databases(settings, _say)
        prepare_bucket(settings, _say)
        await_blobs(settings, _say)
    except NotReadyError as error:
        _say(f"{error}. Check that it runs, its address, user and password; then start again.")
        raise typer.Exit(1) from None
    auth_config = write_auth_config(settings)
    environment = server_environment(settings, auth_config, os.environ)
    with one_at_a_time(settings, _say):
        _say("bringing the database schema up to date")
        upgrade_schema(settings)
        os.environ.clear()
        os.environ.update(environment)
        _settle_accounts(settings)
    command = server_command(settings)
    _say(f"starting MLflow on {settings.host}:{settings.port}{settings.static_prefix}")
    os.execve(command[0], command, environment)  # noqa: S606  # no shell: the list goes to the kernel as it is


@app.command()
def health() -> None:
    """Exit 0 when the server on this machine answers a signed-in question from its database."""
    try:
        check(_settings())
    except UnhealthyError as error:
        _say(str(error))
        raise typer.Exit(1) from None


def _settle_accounts(settings: Settings) -> None:
    # MLflow's account store reads its configuration when imported, hence only now.
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    from vigie_mlflow.accounts import settle_accounts, wanted_accounts

    store = SqlAlchemyStore()
    store.init_db(settings.database_url(settings.database_auth_name))  # type: ignore[no-untyped-call]  # MLflow has no types here
    settle_accounts(store, wanted_accounts(settings), _say)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "VIGIE_MLFLOW_" + "_".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"{name}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None


def _say(text: str) -> None:
    typer.echo(f"vigie-mlflow: {text}", err=True)


def main() -> None:
    """Run the command line."""
    # alembic announces every one of its steps; what matters here is said by us.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream unless someone replaced it
    app()
