"""Fitting an ensemble: its members, the weight of each by language, calibration, artifact."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vigie_model
from vigie_model import ByLanguage, Combiner, EnsembleScorer, Isotonic, Platt, detect_language
from vigie_trainer.ensemble_recipe import EnsembleRecipe
from vigie_trainer.fit.calibrate import fit_calibration, reference_statistics, uncertain_band
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.ensemble.members import Member, Rows, member_recipes, train_member
from vigie_trainer.fit.ensemble.weights import combine, out_of_fold
from vigie_trainer.fit.languages import FEWEST_ROWS, calibrated
from vigie_trainer.fit.networks.run import held_out_rows
from vigie_trainer.fit.result import FitResult


def fit_ensemble(
    recipe: EnsembleRecipe,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    *,
    out: Path,
    trained: Mapping[str, Any],
    seed: int,
    threads: int,
    progress: Callable[[str, float], None],
    weights: NDArray[np.float64] | None,
    context: FitContext,
) -> FitResult:
    """Train every member on all rows but a tenth of the primary ones, weigh them on those, write the artifact.

    A language with labelled texts of its own gets weights and a calibration of its own. Raises FitError when a member
    cannot be trained, ArtifactError when `out` holds something already.
    """
    primary = context.primary_rows(len(texts))
    aside = held_out_rows(labels, primary, recipe.holdout_rows, seed)
    kept = np.setdiff1d(np.arange(len(texts)), aside)
    rows = Rows(
        [texts[at] for at in kept],
        labels[kept],
        None if weights is None else weights[kept],
        primary - len(aside),
    )
    started = time.perf_counter()
    members: dict[str, Member] = {}
    chosen = member_recipes(recipe)
    for at, (name, own) in enumerate(chosen.items()):

        def tell(share: float, step: str = f"member {at + 1}/{len(chosen)} {name}") -> None:
            progress(step, share)

        tell(0.0)
        members[name] = train_member(
            own, recipe.members[name], rows, context=context, seed=seed, threads=threads, progress=tell
        )
    fit_s = time.perf_counter() - started

    progress("write", 0.0)
    unseen, answers = [texts[at] for at in aside], labels[aside]
    margins = {name: member.scorer.margins(unseen) for name, member in members.items()}
    combiners = {"default": combine(margins, answers, recipe.penalty)}
    own_margins = out_of_fold(margins, answers, recipe.penalty, seed)
    curves: dict[str, Platt | Isotonic] = {"default": fit_calibration(recipe.calibration, own_margins, answers)}
    for code, (others, known) in context.languages.items():
        found = _language(
            code, others, np.asarray(known, dtype=np.int64), context.weights_of(code), members, recipe.penalty, seed
        )
        if found is not None:
            combiners[code], curves[code] = found
    scorer = EnsembleScorer({name: member.scorer for name, member in members.items()}, combiners)
    calibration = ByLanguage(curves) if len(curves) > 1 else curves["default"]
    scores = calibrated(calibration, own_margins, unseen)
    band = uncertain_band(scores, answers)
    vigie_model.save(
        out,
        recipe=recipe.name,
        scorer=scorer,
        calibration=calibration,
        uncertain=band,
        reference=reference_statistics(unseen, scores, answers, band),
        trained=dict(trained),
    )
    progress("write", 1.0)
    return FitResult(out, _params(recipe, combiners), _summary(margins, own_margins, answers), 0.0, fit_s)


def _language(
    code: str,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    members: Mapping[str, Member],
    penalty: float,
    seed: int,
) -> tuple[Combiner, Platt | Isotonic] | None:
    """Weights and curve of a language, from the texts that are detected as it; None when they are too few."""
    told = [at for at, text in enumerate(texts) if detect_language(text) == code]
    answers = labels[told]
    if np.bincount(answers, minlength=2).min() < FEWEST_ROWS:
        return None
    margins = {name: member.language_margins[code][told] for name, member in members.items()}
    rate = weights[told]
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
