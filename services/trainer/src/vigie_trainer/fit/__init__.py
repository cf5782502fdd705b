"""Fitting recipes: texts and labels in, an artifact out."""

from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.run import fit

__all__ = ["FitContext", "FitError", "FitResult", "fit"]
