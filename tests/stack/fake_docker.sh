#!/bin/sh
# `docker`, as far as the scripts of backup and restore see it. The folder $FAKE holds `running` (services), `some.tar`,
# `newest` (the schema that the images know), and, when something shall go wrong, `fail` or `hang` with a word of the
# command or statement at which it does. Everything that was asked is in `log`.
log() { printf '%s\n' "$*" | tr '\n' ' ' | cut -c1-2000 >>"$FAKE/log"; printf '\n' >>"$FAKE/log"; }

trouble() {
    if [ -f "$FAKE/hang" ]; then case "$*" in *"$(cat "$FAKE/hang")"*) log hangs; exec sleep 600 ;; esac; fi
    if [ -f "$FAKE/fail" ]; then
        case "$*" in *"$(cat "$FAKE/fail")"*)
            printf 'ERROR: out of luck\nDETAIL: a row with a post in it\n' >&2
            exit 1
            ;;
        esac
    fi
}

psql() {
    while IFS= read -r line || [ -n "$line" ]; do
        log "sql: $line"
        trouble "$line"
        case "$line" in
            *pg_export_snapshot*) printf '00000003-1\n%s\n' 0006 ;;
            *'SELECT table_name'*) printf 'predictions 2\nruns 1\n' ;;
            '\echo .') printf '.\n' ;;
            *'FROM pg_database'*) printf 'postgres\nvigie\nmlflow\nmlflow_auth\n' ;;
            *server_version*) printf '17.4\n' ;;
            *registered_model_aliases*) printf '3\n' ;;
            *to_regclass*) printf 'alembic_version\n' ;;
            *'TABLE alembic_version'*) printf '0006\n' ;;
        esac
    done
}

for last; do :; done
case "$*" in *boto3*) log "objects: $last" ;; *) log "$*" ;; esac
trouble "$*"
case "$*" in
    info | *'config --quiet') ;;
    *'ps --services'*) cat "$FAKE/running" ;;
    *psql*) psql ;;
    *pg_dump*) printf 'a dump' ;;
    *pg_restore* | *'tar --extract'*) cat >/dev/null ;;
    *'tar --create'*) cat "$FAKE/some.tar" ;;
    *find_spec*)
        newest=$(cat "$FAKE/newest")
        printf '{"database/migrations/versions": ["%s"], "store/db_migrations/versions": ["0006"],' "$newest"
        printf ' "server/auth/db/migrations/versions": ["0006"]}\n'
        ;;
    *boto3*save) cat "$FAKE/some.tar" ;;
    *boto3*load) cat >/dev/null && printf '1/later/file\n' ;;
    *boto3*delete) while IFS= read -r line; do log "deleted: $line"; done ;;
    *importlib.metadata*) printf '0.1.0\n' ;;
esac
