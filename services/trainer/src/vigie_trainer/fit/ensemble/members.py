"""Training an ensemble's members, each on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

import vigie_model
from vigie_model import Scorer
from vigie_trainer.ensemble_recipe import EnsembleRecipe, MemberSpec
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.errors import FitError
from vigie_trainer.fit.task import Sample, Task
from vigie_trainer.network_recipe import NetworkRecipe
from vigie_trainer.recipe import Recipe, RecipeError, load_recipe

_FOLDS = 4
_LANGUAGE_SHARE = 0.4  # of the total weight, for all the rows of other languages that a member learns from

_Weighed = tuple[Sequence[str], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class Member:
    """A trained member; `language_margins` has its margins of each language's labelled texts, of which it had not
    learned when it judged them."""

    scorer: Scorer
    language_margins: dict[str, NDArray[np.float64]]


def member_recipes(recipe: EnsembleRecipe) -> dict[str, Recipe | NetworkRecipe]:
    """The recipe of each member, its values replaced.

    Raises FitError when there is no such recipe, or it cannot be a member.
    """
    found: dict[str, Recipe | NetworkRecipe] = {}
    for name, spec in recipe.members.items():
        try:
            chosen = load_recipe(spec.recipe)
            if isinstance(chosen, EnsembleRecipe):
                raise FitError(f"The member {name} is an ensemble itself; members are features or networks.")
            if isinstance(chosen, NetworkRecipe) and (spec.values or spec.learns_languages):
                raise FitError(f"The member {name} is a network: it takes neither values nor other languages.")
            found[name] = chosen.with_values(spec.values) if spec.values and isinstance(chosen, Recipe) else chosen
        except (RecipeError, ValueError) as error:
            raise FitError(f"The member {name} of {recipe.name}: {error}") from error
    return found


def train_member(recipe: Recipe | NetworkRecipe, spec: MemberSpec, task: Task) -> Member:
    """Train one member on the task's sample; a network that was trained on these very rows before comes from its
    checkpoint."""
    context, seed = task.context, task.seed
    if isinstance(recipe, NetworkRecipe):
        from vigie_trainer.fit.networks.run import train_network_of

        scorer = train_network_of(recipe, task).scorer
        return Member(scorer, _margins(scorer, context))

    def fitted(extra: Sequence[_Weighed] = ()) -> Scorer:
        return _pipeline(recipe, _with_languages(task.sample, extra), task)

    if not (spec.learns_languages and context.learn_languages and context.languages):
        trained = fitted()
        return Member(trained, _margins(trained, context))
    weighed = {code: (*one, context.weights_of(code)) for code, one in context.languages.items()}
    unseen: dict[str, NDArray[np.float64]] = {}
    steps = 1 + _FOLDS * len(context.languages)
    for at, (code, (texts, labels, rate)) in enumerate(weighed.items()):
        others = [one for other, one in weighed.items() if other != code]
        unseen[code] = np.zeros(len(texts))
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(np.zeros(len(texts)), labels)
        for fold, (learn, rest) in enumerate(folds):
            learned = ([texts[row] for row in learn], np.asarray(labels)[learn], rate[learn])
            unseen[code][rest] = fitted([*others, learned]).margins([texts[row] for row in rest])
            task.progress("languages", (at * _FOLDS + fold + 1) / steps)
    return Member(fitted(list(weighed.values())), unseen)


def _margins(scorer: Scorer, context: FitContext) -> dict[str, NDArray[np.float64]]:
    return {code: scorer.margins(texts) for code, (texts, _) in context.languages.items()}


def _with_languages(rows: Sample, extra: Sequence[_Weighed]) -> Sample:
    """The rows and those of other languages after them, which share a fixed part of the total weight."""
    if not extra:
        return rows
    texts = [text for more, _, _ in extra for text in more]
    labels = np.concatenate([np.asarray(known, dtype=np.int64) for _, known, _ in extra])
    rate = np.concatenate([own for _, _, own in extra])
    weights = np.ones(len(rows.texts)) if rows.weights is None else rows.weights
    total = weights.sum() * _LANGUAGE_SHARE / (1.0 - _LANGUAGE_SHARE)
    return Sample(
        [*rows.texts, *texts],
        np.concatenate([rows.labels, labels]),
        np.concatenate([weights, rate * total / rate.sum()]),
        rows.primary,
    )


def _pipeline(recipe: Recipe, sample: Sample, task: Task) -> Scorer:
    from vigie_trainer.fit.pipeline import fit_recipe

    with TemporaryDirectory(prefix="vigie-member-") as folder:
        own = replace(
            task,
            sample=sample,
            out=Path(folder) / "artifact",
            context=replace(task.context, languages={}),
            progress=lambda step, share: None,
        )
        return vigie_model.load(fit_recipe(recipe, own).artifact).scorer
