"""The job `roles` gives each service its own databases, on a real Postgres."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.integration


@pytest.fixture
def server() -> Iterator[str]:
    """As on Azure: the administrator may create roles and databases, and is no superuser."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        temporary_postgres = import_module("temporary_postgres").temporary_postgres
    finally:
        sys.path.pop(0)
    with temporary_postgres() as address:
        folder = address.rpartition("host=")[2]
        with psycopg.connect(host=folder, user="vigie", dbname="postgres", autocommit=True) as owner:
            owner.execute("CREATE ROLE owner SUPERUSER LOGIN")
            owner.execute("CREATE ROLE vigieadmin LOGIN CREATEROLE CREATEDB")
        # The test server's own superuser has the name of the API's role: out of the way.
        with psycopg.connect(host=folder, user="owner", dbname="postgres", autocommit=True) as owner:
            owner.execute("ALTER ROLE vigie RENAME TO somebody")
        yield folder


def make_roles(server: str) -> None:
    settings = {
        "VIGIE_ROLES_HOST": server,
        "VIGIE_ROLES_ADMIN": "vigieadmin",
        "VIGIE_ROLES_ADMIN_PASSWORD": "unused here",
        "VIGIE_ROLES_API_PASSWORD": "one",
        "VIGIE_ROLES_MLFLOW_PASSWORD": "two's",
        "VIGIE_ROLES_SSLMODE": "disable",
        "VIGIE_ROLES_STAGING": "1",
    }
    script = (ROOT / "azure" / "database" / "roles.py").read_text()
    # As the job does it: the text is the argument.
    subprocess.run([sys.executable, "-c", script], env=os.environ | settings, check=True, capture_output=True)


def test_each_service_owns_its_databases_and_reaches_no_other(server: str) -> None:
    make_roles(server)
    make_roles(server)  # safe to repeat

    for database, owner, other in (
        ("vigie", "vigie", "mlflow"),
        ("vigie_staging", "vigie", "mlflow"),
        ("mlflow", "mlflow", "vigie"),
        ("mlflow_auth", "mlflow", "vigie"),
    ):
        with psycopg.connect(host=server, user=owner, dbname=database) as connection:
            connection.execute("CREATE TABLE thing (id int)")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(host=server, user=other, dbname=database)


def test_the_bicep_gives_the_job_what_it_reads() -> None:
    jobs = (ROOT / "azure" / "modules" / "jobs.bicep").read_text()
    script = (ROOT / "azure" / "database" / "roles.py").read_text()

    needed = {"HOST", "ADMIN", "ADMIN_PASSWORD", "API_PASSWORD", "MLFLOW_PASSWORD", "STAGING"}
    for name in needed:
        assert f"'VIGIE_ROLES_{name}'" in jobs
        assert f'"VIGIE_ROLES_{name}"' in script
