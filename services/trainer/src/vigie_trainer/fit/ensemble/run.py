"""Fitting an ensemble: its members, the weight of each by language, calibration, artifact."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_model import ByLanguage, Combiner, EnsembleScorer, Isotonic, Platt, detect_language
from vigie_trainer.ensemble_recipe import EnsembleRecipe
from vigie_trainer.fit.calibrate import fit_calibration
from vigie_trainer.fit.ensemble.members import Member, member_recipes, train_member
from vigie_trainer.fit.ensemble.weights import combine, out_of_fold
from vigie_trainer.fit.languages import FEWEST_ROWS
from vigie_trainer.fit.networks.run import held_out_rows
from vigie_trainer.fit.result import FitResult
from vigie_trainer.fit.task import Sample, Task


def fit_ensemble(recipe: EnsembleRecipe, task: Task) -> FitResult:
    """Train every member on all rows but a tenth of the primary ones, weigh them on those, write the artifact.

    A language with labelled texts of its own gets weights and a calibration of its own. Raises FitError when a member
    cannot be trained, ArtifactError when the artifact's folder holds something already.
    """
    sample, context, seed = task.sample, task.context, task.seed
    aside = held_out_rows(sample.labels, sample.primary, recipe.holdout_rows, seed)
    kept, unseen = sample.without(aside), sample.take(aside)
    started = time.perf_counter()
    members: dict[str, Member] = {}
    chosen = member_recipes(recipe)
    for number, (name, own) in enumerate(chosen.items(), 1):

        def tell(_: str, share: float, member: str = f"member {number}/{len(chosen)} {name}") -> None:
            task.progress(member, share)

        tell("", 0.0)
        members[name] = train_member(own, recipe.members[name], replace(task, sample=kept, progress=tell))
        tell("", 1.0)
    fit_s = time.perf_counter() - started

    task.progress("write", 0.0)
    margins = {name: member.scorer.margins(unseen.texts) for name, member in members.items()}
    combiners = {"default": combine(margins, unseen.labels, recipe.penalty, unseen.weights)}
    combined = out_of_fold(margins, unseen.labels, recipe.penalty, seed, unseen.weights)
    curves = {"default": fit_calibration(recipe.calibration, combined, unseen.labels, unseen.weights)}
    for code, (texts, labels) in context.languages.items():
        known = Sample(texts, np.asarray(labels, dtype=np.int64), context.weights_of(code), len(texts))
        if (found := _language(code, known, members, recipe.penalty, seed)) is not None:
            combiners[code], curves[code] = found
    scorer = EnsembleScorer({name: member.scorer for name, member in members.items()}, combiners)
    calibration = ByLanguage(curves) if len(curves) > 1 else curves["default"]
    task.write(recipe.name, scorer, calibration, unseen, combined)
    return FitResult(task.out, _params(recipe, combiners), _summary(margins, combined, unseen.labels), 0.0, fit_s)


def _language(
    code: str, known: Sample, members: Mapping[str, Member], penalty: float, seed: int
) -> tuple[Combiner, Platt | Isotonic] | None:
    """Weights and curve of a language, from the texts that are detected as it; None when they are too few."""
    told = np.flatnonzero([detect_language(text) == code for text in known.texts])
    answers, rate = known.labels[told], known.weighed(told)
    if np.bincount(answers, minlength=2).min() < FEWEST_ROWS:
        return None
    margins = {name: member.language_margins[code][told] for name, member in members.items()}
    combiner = combine(margins, answers, penalty, rate)
    return combiner, fit_calibration("platt", out_of_fold(margins, answers, penalty, seed, rate), answers, rate)


def _params(recipe: EnsembleRecipe, combiners: Mapping[str, Combiner]) -> dict[str, Any]:
    found: dict[str, Any] = {"penalty": recipe.penalty}
    for name, spec in recipe.members.items():
        found[f"member.{name}"] = spec.recipe
        for code, combiner in combiners.items():
            found[f"weight.{code}.{name}"] = round(combiner.weights.get(name, 0.0), 4)
    return found


def _summary(
    margins: Mapping[str, NDArray[np.float64]], combined: NDArray[np.float64], labels: NDArray[np.int64]
) -> dict[str, Any]:
    from sklearn.metrics import roc_auc_score

    return {
        "rows": len(labels),
        "accuracy": float(((combined >= 0.0) == (labels == 1)).mean()),
        "roc_auc": float(roc_auc_score(labels, combined)),
        "members": {name: float(roc_auc_score(labels, values)) for name, values in margins.items()},
    }
