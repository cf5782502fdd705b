"""Where MLflow finds the models-from-code script."""

from pathlib import Path


def pyfunc_source() -> Path:
    """The script to hand to `mlflow.pyfunc.log_model(python_model=…)`; log the artifact folder under the key `vigie` and a copy of this package as code path."""
    return Path(__file__).with_name("pyfunc_script.py")
