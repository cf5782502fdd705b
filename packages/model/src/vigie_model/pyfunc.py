"""Where MLflow finds the models-from-code script."""

from pathlib import Path


def pyfunc_source() -> Path:
    """The script for `python_model=` of `mlflow.pyfunc.log_model`.

    The artifact folder goes with it as the artifact `vigie`, and a copy of this package as a code path.
    """
    return Path(__file__).with_name("pyfunc_script.py")
