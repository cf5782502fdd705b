"""What makes two trainings the same, so that one of them is enough."""

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

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
_ENCODER_SETTINGS = ("glove", "transformer", "use")


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

    return Identity(
        {
            RECIPE: recipe_digest(recipe),
            TRAIN: material.split.train.digest,
            HELD_OUT: material.split.test.digest,
            CALIBRATION: material.calibration_digest,
            CODE: code_digest(),
            ENCODERS: _encoders(settings),
            PROTOCOL: material.protocol or "none",
        }
    )


def recipe_digest(recipe: "AnyRecipe") -> str:
    """SHA-256 of the recipe's document, whatever order and layout its file has."""
    document = json.dumps(recipe.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return "sha256:" + hashlib.sha256(document.encode()).hexdigest()


def _encoders(settings: Settings) -> str:
    """What the settings say of encoders; `default` when they say nothing."""
    chosen = {name: str(value) for name in _ENCODER_SETTINGS if (value := getattr(settings, name, None)) is not None}
    return json.dumps(chosen, sort_keys=True) if chosen else "default"
