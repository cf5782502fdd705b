"""The database that this service owns: SQLite by default, Postgres in a deployment."""
