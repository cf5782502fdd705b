"""Recipes: features × classifier × parameters, written in a small YAML file and validated before anything runs.

RecipeError     the recipe is unknown or unsound; the message is a sentence for a person
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vigie_model import CleaningOptions
from vigie_trainer.classifier_recipe import BoosterSpec, Classifier, ForestSpec, LogregSpec, MlpSpec
from vigie_trainer.features_recipe import (
    Features,
    GloveSpec,
    NgramBlock,
    Pooling,
    TfidfSpec,
    TransformerSpec,
    UseSpec,
    Word2vecSpec,
)

if TYPE_CHECKING:
    from vigie_trainer.ensemble_recipe import EnsembleRecipe
    from vigie_trainer.network_recipe import NetworkRecipe


__all__ = [
    "BoosterSpec",
    "Classifier",
    "Cleaning",
    "Features",
    "ForestSpec",
    "GloveSpec",
    "LogregSpec",
    "MlpSpec",
    "NgramBlock",
    "Pooling",
    "Recipe",
    "RecipeError",
    "Search",
    "TfidfSpec",
    "TransformerSpec",
    "UseSpec",
    "Word2vecSpec",
    "load_recipe",
    "recipe_names",
]


class RecipeError(ValueError):
    """A recipe cannot be used; the message says why and what would do."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cleaning(_Part):
    """The switches of the cleaning; what each does is told in `vigie_model.CleaningOptions`."""

    lowercase: bool = True
    replace_urls: bool = True
    replace_mentions: bool = True
    unescape_html: bool = True
    shorten_elongations: bool = True
    split_contractions: bool = True
    remove_special: bool = False
    remove_stop_words: bool = False
    lemmatise: bool = False
    keep_emoji: bool = True

    def options(self) -> CleaningOptions:
        """The same switches as the runtime takes them."""
        return CleaningOptions(**self.model_dump())


class Search(_Part):
    """What cross-validation chooses among: every combination of the grid's values, by dotted name."""

    folds: Annotated[int, Field(ge=2, le=20)] = 5
    max_rows: Annotated[int, Field(ge=100)] | None = None
    """Search on so many rows at most; scores for the calibration then come from one fit without a fifth of the primary
    rows. Without it, on all."""
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)

    @field_validator("grid")
    @classmethod
    def _has_values(cls, value: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        for name, choices in value.items():
            if not choices:
                raise ValueError(f"has no value to try for {name}")
        return value


class Recipe(_Part):
    """A whole recipe. Frozen; `with_values` gives another one."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
    description: str = ""
    cleaning: Cleaning = Cleaning()
    features: Features
    classifier: Classifier
    calibration: Literal["platt", "isotonic", "none"] = "platt"
    search: Search = Search()

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if isinstance(self.features, TfidfSpec):
            if self.features.log_count_ratio is not None and self.classifier.kind != "logreg":
                raise ValueError("log_count_ratio changes nothing for trees; leave it out")
            if self.classifier.kind == "mlp":
                raise ValueError("mlp takes dense features, which tfidf does not give")
        for name, choices in self.search.grid.items():
            for choice in choices:
                self.with_values({name: choice})
        return self

    def with_values(self, values: Mapping[str, Any]) -> Recipe:
        """This recipe with the values of dotted names such as `classifier.C` replaced, and nothing left to search.

        Raises ValueError when a name is not one of the recipe's, or its value is not allowed.
        """
        document = self.model_dump()
        document["search"] = {"folds": self.search.folds, "max_rows": self.search.max_rows}
        for name, value in values.items():
            *path, last = name.split(".")
            place: Any = document
            for step in path:
                place = place.get(step) if isinstance(place, dict) else None
            if not isinstance(place, dict) or last not in place or path[:1] == ["search"]:
                raise ValueError(f"the grid names {name}, which this recipe does not have")
            place[last] = value
        return Recipe.model_validate(document)


def recipe_names() -> list[str]:
    """The names of the recipes that come with Vigie."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name: str | Path) -> Recipe | NetworkRecipe | EnsembleRecipe:
    """The recipe of that name, or in the YAML file at that path: of features and a classifier, of a whole network (it
    has the key `network`), or of an ensemble (`members`).

    Raises RecipeError when there is none, when the file is not YAML, or when the recipe is not sound.
    """
    path = Path(name)
    if str(name) in recipe_names():
        text = (_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    elif path.suffix in {".yaml", ".yml"} and path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    else:
        raise RecipeError(
            f"There is no recipe {str(name)!r}. Known recipes: {', '.join(recipe_names())}; "
            "or give the path of a YAML file."
        )
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"The recipe {name} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(document, dict):
        raise RecipeError(f"The recipe {name} is not a YAML mapping with name, features and classifier.")
    try:
        if "network" in document:
            from vigie_trainer.network_recipe import NetworkRecipe

            return NetworkRecipe.model_validate(document)
        if "members" in document:
            from vigie_trainer.ensemble_recipe import EnsembleRecipe

            return EnsembleRecipe.model_validate(document)
        return Recipe.model_validate(document)
    except ValidationError as error:
        raise RecipeError(f"The recipe {name} is not sound: {_sentence(error)}.") from error


def _folder() -> Any:
    return files("vigie_trainer") / "recipes"


def _sentence(error: ValidationError) -> str:
    parts: list[str] = []
    for problem in error.errors(include_url=False):
        place = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "extra_forbidden":
            parts.append(f"{place} is not a known key")
        else:
            message = problem["msg"].removeprefix("Value error, ").rstrip(".")
            parts.append(f"{place}: {message}" if place else message)
    return "; ".join(parts)
