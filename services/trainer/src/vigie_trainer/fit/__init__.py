"""Fitting recipes: texts and labels in, an artifact out."""

from vigie_trainer.fit.code_digest import code_digest
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.run import fit

__all__ = ["FitContext", "FitError", "FitResult", "code_digest", "fit"]
