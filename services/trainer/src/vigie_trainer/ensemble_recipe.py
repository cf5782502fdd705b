"""Recipes of ensembles: members that are recipes themselves, weighed on rows that none of them was trained on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MemberSpec(_Part):
    """One member."""

    recipe: str
    """The name of a recipe, or the path of a YAML file; no ensemble."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Values of the recipe to replace, by dotted name; nothing is searched for then. For recipes of features and a
    classifier only."""
    learns_languages: bool = False
    """Whether it is also trained on the labelled texts of other languages, where the data allow it (see
    `FitContext.learn_languages`)."""


class EnsembleRecipe(_Part):
    """A whole recipe of an ensemble. Frozen."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
    description: str = ""
    members: Annotated[dict[str, MemberSpec], Field(min_length=2, max_length=8)]
    penalty: Annotated[float, Field(gt=0)] = 1.0
    """C of the logistic regression that weighs the members."""
    calibration: Literal["platt", "isotonic", "none"] = "platt"
    holdout_rows: Annotated[int, Field(ge=10)] = 1280
    """As in the recipes of its networks: the same rows, so that a network that was trained already serves again."""
