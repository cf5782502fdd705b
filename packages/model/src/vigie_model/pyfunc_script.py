"""MLflow models-from-code: serves a Vigie artifact as a pyfunc. MLflow runs this file; nothing imports it.

Input: a DataFrame with a column `text`. Output: a DataFrame with sentiment, score, confidence, uncertain, language,
in the same order and with the same index. The artifact folder is the model's artifact `vigie`.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

import vigie_model


class VigiePyfunc(PythonModel):
    """A Vigie artifact behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the artifact once."""
        self._model = vigie_model.load(Path(context.artifacts["vigie"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row of verdict for each row of `model_input`."""
        verdicts = self._model.predict([str(text) for text in model_input["text"]])
        return pd.DataFrame(verdicts, columns=list(vigie_model.Prediction._fields), index=model_input.index)


mlflow.models.set_model(VigiePyfunc())
