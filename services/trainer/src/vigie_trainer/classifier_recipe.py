"""The classifier of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LogregSpec(_Part):
    """Logistic regression with an L2 penalty. Dense features are standardised first."""

    kind: Literal["logreg"]
    C: Annotated[float, Field(gt=0)] = 1.0


class ForestSpec(_Part):
    """Random forest."""

    kind: Literal["rf"]
    trees: Annotated[int, Field(ge=1, le=2000)] = 200
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt", "log2"] = "sqrt"
    min_samples_leaf: Annotated[int, Field(ge=1)] = 1
    max_depth: Annotated[int, Field(ge=1)] | None = None
    max_rows: Annotated[int, Field(ge=2)] | None = None
    """Rows drawn for each tree, at most; without it, as many as there are."""


class BoosterSpec(_Part):
    """Gradient-boosted trees by LightGBM."""

    kind: Literal["lgbm"]
    rounds: Annotated[int, Field(ge=1, le=5000)] = 300
    leaves: Annotated[int, Field(ge=2, le=512)] = 31
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    min_child_samples: Annotated[int, Field(ge=1)] = 20
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    lambda_l2: Annotated[float, Field(ge=0)] = 0.0
    max_bin: Annotated[int, Field(ge=2, le=255)] = 255


class MlpSpec(_Part):
    """Networks of one hidden layer on dense, standardised features; their margins averaged. Trained by Adam."""

    kind: Literal["mlp"]
    hidden: Annotated[int, Field(ge=1, le=4096)] = 64
    networks: Annotated[int, Field(ge=1, le=20)] = 3
    """How many are trained from different starts."""
    epochs: Annotated[int, Field(ge=1, le=1000)] = 15
    max_examples: Annotated[int, Field(ge=1)] | None = None
    """Stop each network after about so many rows, with repetition: the bound for large data."""
    batch: Annotated[int, Field(ge=1, le=65536)] = 128
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    l2: Annotated[float, Field(ge=0)] = 0.01
    """Penalty on the squared weights, per row."""


Classifier = Annotated[LogregSpec | ForestSpec | BoosterSpec | MlpSpec, Field(discriminator="kind")]
