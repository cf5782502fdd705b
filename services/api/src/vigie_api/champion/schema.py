"""What the model routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vigie_api.prediction.schema import no_nul
from vigie_api.shadow.schema import ShadowOut


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
    shadow: ShadowOut | None = Field(
        description="The challenger, which judges a sample of live traffic in the background; null when there is none."
    )


class Refreshed(BaseModel):
    """What a refresh led to."""

    changed: bool = Field(description="Another version serves now.")
    model: ServedModel


Rate = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
ConfusionMatrix = tuple[tuple[Count, Count], tuple[Count, Count]]


class Roc(BaseModel):
    """The ROC curve on the held-out tweets, from (0, 0) to (1, 1)."""

    model_config = ConfigDict(allow_inf_nan=False)

    false_positive_rate: list[Rate] = Field(min_length=2)
    true_positive_rate: list[Rate] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_point_each(self) -> "Roc":
        if len(self.false_positive_rate) != len(self.true_positive_rate):
            raise ValueError("as many of the one as of the other")
        return self


class GateCheck(BaseModel):
    """One rule of the gate and what came of it."""

    name: str
    passed: bool | None = Field(description="null: a note, which decides nothing.")
    detail: str


class Behaviour(BaseModel):
    """How the version does on sentences of one kind in one language, whose answer is known."""

    passed: int = Field(ge=0, description="How many sentences it does right.")
    total: int = Field(ge=0)
    needed: Rate = Field(description="Share that it has to do right.")
    kept: bool = Field(description="Whether it does.")
    decides: bool = Field(description="Whether the gate refuses a version that does not.")
    failures: list[str] = Field(description="The sentences that it does wrong.")


class Evidence(BaseModel):
    """What the run of a version left behind; null when it has no such file, or it has not come yet."""

    confusion_matrix: ConfusionMatrix | None = Field(
        None,
        description="On the held-out tweets: [[true negatives, false positives], [false negatives, true positives]].",
    )
    roc: Roc | None = Field(None, description="At most 60 points.")
    gate_checks: list[GateCheck] | None = None
    behaviour: dict[str, dict[str, Behaviour]] | None = Field(
        None, description="By category (plain, airline, name, link, typo, negation, intensifier), then by language."
    )


class ModelVersion(Evidence):
    """A version in the registry."""

    version: str
    recipe: str
    run_id: str | None
    created_at: datetime
    aliases: list[str]
    gate: str
    metrics: dict[str, float]
    evidence_complete: bool = Field(
        description="false: the files of its run have not come yet, or cannot be had just now; ask again."
    )


class Leaderboard(BaseModel):
    """The registry's versions, newest first."""

    models: list[ModelVersion]


MOVES_CURSOR = "^m[0-9]{1,17}-[0-9]{1,18}$"


class MoveOut(BaseModel):
    """The champion became another version."""

    at: datetime
    action: Literal["promote", "rollback"]
    version: str = Field(examples=["4"])
    recipe: str = Field(examples=["tfidf_logreg"])
    previous: str | None = Field(description="The champion before; null when there was none, or nobody wrote it down.")
    by: str = Field(description="Name of the API key, or the user of the command line.")
    reason: str


class MovesQuery(BaseModel):
    """Which page of the trail."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=1_000)
    cursor: str | None = Field(None, pattern=MOVES_CURSOR, description="`next_cursor` of the page before.")


class Moves(BaseModel):
    """Promotions and rollbacks, the latest first."""

    moves: list[MoveOut]
    next_cursor: str | None
    registry_error: str | None = Field(
        description="Why the registry could not be asked for moves that were made elsewhere; null when it could."
    )


class Reason(BaseModel):
    """Why an alias moves; kept with who and when."""

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
