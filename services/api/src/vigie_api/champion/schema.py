"""What the model routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vigie_api.prediction.schema import no_nul


class UncertainBand(BaseModel):
    """Scores strictly between the two are uncertain."""

    low: float
    high: float


class ServedModel(BaseModel):
    """What serves now."""

    name: str = Field(examples=["sentiment"])
    version: str = Field(examples=["3"])
    recipe: str = Field(examples=["tfidf_logreg"])
    artifact_digest: str
    gate: str = Field(description="What the gate said of this version.")
    run_id: str | None = Field(description="The MLflow run that trained it.")
    loaded_at: datetime
    source: Literal["registry", "cache"] = Field(
        description="cache: loaded from disk, the registry has not confirmed it since the start."
    )
    checked_at: datetime | None = Field(description="Last time the registry was asked with success.")
    refresh_error: str | None = Field(description="Why the last refresh failed; null when it did not.")
    uncertain: UncertainBand | None
    trained: dict[str, Any] = Field(description="What it was trained on, as its manifest says.")


class Refreshed(BaseModel):
    """What a refresh led to."""

    changed: bool = Field(description="Another version serves now.")
    model: ServedModel


class ModelVersion(BaseModel):
    """A version in the registry."""

    version: str
    recipe: str
    run_id: str | None
    created_at: datetime
    aliases: list[str]
    gate: str
    metrics: dict[str, float]


class Leaderboard(BaseModel):
    """The registry's versions, newest first."""

    models: list[ModelVersion]


class Reason(BaseModel):
    """Why an alias moves; kept as a tag of the version."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Better on French tweets, see run 3f2a."}]}
    )

    reason: Annotated[
        str, Field(min_length=1, max_length=500, pattern=r"^[^\u0000]*\S[^\u0000]*$"), AfterValidator(no_nul)
    ]


class AliasTarget(BaseModel):
    """A version behind an alias."""

    name: str
    version: str
    recipe: str


class Moved(BaseModel):
    """Where the aliases point now, and what serves."""

    champion: AliasTarget
    previous: AliasTarget | None
    serving: str | None = Field(description="Version that serves now.")
    refresh_error: str | None = Field(description="Why the new champion does not serve yet; null when it does.")
