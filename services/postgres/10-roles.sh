#!/usr/bin/env bash
# Runs once, when the volume is empty: a role for each service, so that neither reads the other's tables.
set -euo pipefail

role() { # NAME PASSWORD [OPTION...]
    psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v name="$1" -v password="$2" <<SQL
CREATE ROLE :"name" LOGIN PASSWORD :'password' ${*:3};
SQL
}

role vigie "$VIGIE_DB_API_PASSWORD"
role mlflow "$VIGIE_DB_MLFLOW_PASSWORD" CREATEDB
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE DATABASE vigie OWNER vigie;
REVOKE CONNECT ON DATABASE vigie FROM PUBLIC;
SQL
