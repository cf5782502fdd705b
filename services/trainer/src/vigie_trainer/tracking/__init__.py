"""Runs and versions: what is recorded on disk, and sent to MLflow."""
