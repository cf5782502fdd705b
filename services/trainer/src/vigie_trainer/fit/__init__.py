"""Fitting recipes: texts and labels in, an artifact out."""

from vigie_trainer.fit.run import FitError, FitResult, fit

__all__ = ["FitError", "FitResult", "fit"]
