"""The MLflow server of Vigie: Postgres back end, S3 artifacts, sign-in."""
