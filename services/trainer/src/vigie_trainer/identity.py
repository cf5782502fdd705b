"""What makes two trainings the same, so that one of them is enough."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from vigie_trainer.chosen_encoders import chosen_encoders, words
from vigie_trainer.material import Material
from vigie_trainer.settings import Settings

if TYPE_CHECKING:
    from vigie_trainer.ensemble_recipe import EnsembleRecipe
    from vigie_trainer.network_recipe import NetworkRecipe
    from vigie_trainer.recipe import Recipe

    AnyRecipe: TypeAlias = Recipe | NetworkRecipe | EnsembleRecipe

RECIPE, TRAIN, HELD_OUT, CALIBRATION, CODE, ENCODERS, PROTOCOL = (
    "vigie.recipe_digest",
    "vigie.train_digest",
    "vigie.heldout_digest",
    "vigie.calibration_digest",
    "vigie.code_digest",
    "vigie.encoders",
    "vigie.protocol",
)
CORRECTIONS, WEIGHT = "vigie.corrections_digest", "vigie.corrections_weight"
# What a recipe's document says when it uses an encoder.
_ENCODER_WORDS = {
    "glove": {"glove"},
    "transformer": {"distilbert", "minilm", "bert"},
    "use": {"use"},
}


@dataclass(frozen=True)
class Identity:
    """The run tags that name a training: equal tags, equal model."""

    tags: dict[str, str]

    def is_of(self, tags: dict[str, str]) -> bool:
        """Whether a run with these tags is this training."""
        return all(tags.get(name) == value for name, value in self.tags.items())


def identity(recipe: "AnyRecipe", material: Material, settings: Settings) -> Identity:
    """Name the training of a recipe: its document, the rows, the code, and the encoders that the settings choose."""
    from vigie_trainer.fit import code_digest

    corrected = material.corrected
    return Identity(
        ({CORRECTIONS: corrected.document["digest"], WEIGHT: f"{corrected.weight:g}"} if corrected else {})
        | {
            RECIPE: recipe_digest(recipe),
            TRAIN: material.split.train.digest,
            HELD_OUT: material.split.test.digest,
            CALIBRATION: material.calibration_digest,
            CODE: code_digest(),
            ENCODERS: _encoders(recipe, material, settings),
            PROTOCOL: material.protocol or "none",
        }
    )


def recipe_digest(recipe: "AnyRecipe") -> str:
    """SHA-256 of the recipe's document and its members', whatever order and layout their files have."""
    document = json.dumps(_document(recipe), sort_keys=True, ensure_ascii=False)
    return "sha256:" + hashlib.sha256(document.encode()).hexdigest()


def learns_languages(recipe: "AnyRecipe") -> bool:
    """Whether a member learns from the labelled texts of other languages, where the data allow it."""
    return any(member.get("learns_languages") for member in _document(recipe).get("members", {}).values())


def _document(recipe: "AnyRecipe") -> dict[str, Any]:
    """The recipe's document; an ensemble's with those of its members, which it names only."""
    from vigie_trainer.recipe import load_recipe

    document: dict[str, Any] = recipe.model_dump(mode="json")
    for member in document.get("members", {}).values():
        member["document"] = _document(load_recipe(member["recipe"]))
    return document


def _encoders(recipe: "AnyRecipe", material: Material, settings: Settings) -> str:
    """What was chosen of the encoders that the recipe uses; `default` when nothing was."""
    said = set(_values(_document(recipe)))
    used = {name for name, names in _ENCODER_WORDS.items() if names & said}
    chosen = words(chosen_encoders(settings, material.folder), used)
    return json.dumps(chosen, sort_keys=True) if chosen else "default"


def _values(document: Any) -> Iterator[str]:
    """Every string value of a document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _values(value)
    elif isinstance(document, list):
        for value in document:
            yield from _values(value)
