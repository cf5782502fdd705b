#!/usr/bin/env bash
# Runs once, when the volume is empty: makes of a plain Postgres what Azure's Flexible Server is to its clients.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$VIGIE_ADMIN_PASSWORD" <<'SQL'
CREATE ROLE vigieadmin LOGIN CREATEROLE CREATEDB PASSWORD :'password';
ALTER SYSTEM SET ssl = on;
SQL
openssl req -new -x509 -days 7 -nodes -subj /CN=postgres \
    -keyout "$PGDATA/server.key" -out "$PGDATA/server.crt" 2>/dev/null # it draws its progress
chmod 600 "$PGDATA/server.key"
# require_secure_transport: over the network with TLS only.
printf '%s\n' 'local all all trust' 'hostssl all all all scram-sha-256' >"$PGDATA/pg_hba.conf"
