"""Make the databases' roles and give each service its own. Runs as a job, with the API's image; safe to repeat.

Read from the environment: VIGIE_ROLES_HOST, _PORT, _ADMIN, _ADMIN_PASSWORD, _API_PASSWORD, _MLFLOW_PASSWORD,
_STAGING (anything but empty: there is a database `vigie_staging`), _SSLMODE.
"""

import os
import sys

import psycopg
from psycopg import sql

OWNERS = {"vigie": "vigie", "mlflow": "mlflow", "mlflow_auth": "mlflow"}


def main() -> None:
    """Create what is missing, set passwords, and close each database to the other role."""
    setting = os.environ.get
    owners = OWNERS | ({"vigie_staging": "vigie"} if setting("VIGIE_ROLES_STAGING") else {})
    passwords = {
        "vigie": os.environ["VIGIE_ROLES_API_PASSWORD"],
        "mlflow": os.environ["VIGIE_ROLES_MLFLOW_PASSWORD"],
    }
    with psycopg.connect(
        host=os.environ["VIGIE_ROLES_HOST"],
        port=int(setting("VIGIE_ROLES_PORT") or 5432),
        user=os.environ["VIGIE_ROLES_ADMIN"],
        password=os.environ["VIGIE_ROLES_ADMIN_PASSWORD"],
        dbname="postgres",
        sslmode=setting("VIGIE_ROLES_SSLMODE") or "require",
        connect_timeout=30,
        autocommit=True,
    ) as connection:
        for role, password in passwords.items():
            settle_role(connection, role, password)
        for database, owner in owners.items():
            settle_database(connection, database, owner)
    sys.stdout.write(f"roles {', '.join(passwords)} own {', '.join(owners)}" + "\n")


def settle_role(connection: psycopg.Connection, role: str, password: str) -> None:
    """Create the role or change its password; the administrator joins it, so that it may hand databases over."""
    name, secret = sql.Identifier(role), sql.Literal(password)
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    words = "ALTER ROLE {} LOGIN PASSWORD {}" if found else "CREATE ROLE {} LOGIN PASSWORD {}"
    connection.execute(sql.SQL(words).format(name, secret))
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))


def settle_database(connection: psycopg.Connection, database: str, owner: str) -> None:
    """Create the database or hand it over; nobody else connects."""
    name = sql.Identifier(database)
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
    words = "ALTER DATABASE {} OWNER TO {}" if found else "CREATE DATABASE {} OWNER {}"
    connection.execute(sql.SQL(words).format(name, sql.Identifier(owner)))
    connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))


if __name__ == "__main__":
    main()
