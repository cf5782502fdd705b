"""Fitting recipes: texts and labels in, an artifact out."""

from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.run import FitResult, fit

__all__ = ["FitError", "FitResult", "fit"]
