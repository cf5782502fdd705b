"""vigie_mlflow."""
