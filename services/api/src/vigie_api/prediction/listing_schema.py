"""What GET /v1/predictions takes and gives."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vigie_api.instant import Instant
from vigie_api.prediction.schema import Language, Sentiment, Version
from vigie_api.topic import Topic

PREDICTIONS_CURSOR = "^p[0-9]{1,17}[.][A-Za-z0-9_-]{1,64}$"

Sample = Annotated[
    Literal[1, 16, 256, 4_096, 65_536],
    BeforeValidator(lambda value: int(value) if isinstance(value, str) and value.isdecimal() else value),
]


class PredictionRecord(BaseModel):
    """A prediction as it was made and kept."""

    id: str
    created_at: datetime
    text: str
    sentiment: Sentiment
    score: float
    uncertain: bool
    language: Language
    model_version: str
    recipe: str
    topic: str | None


class PredictionsQuery(BaseModel):
    """Which predictions to list."""

    model_config = ConfigDict(extra="forbid")

    since: Instant | None = Field(None, description="Made at or after, RFC 3339.")
    until: Instant | None = Field(None, description="Made before, RFC 3339.")
    model_version: Version | None = Field(None, description="Made by this version.")
    topic: Topic | None = Field(None, description="About this topic.")
    sample: Sample = Field(1, description="One prediction in so many, drawn by the random part of their ids.")
    limit: int = Field(50, ge=1, le=1_000, description="Most predictions in a page; an export has no limit.")
    cursor: str | None = Field(None, pattern=PREDICTIONS_CURSOR, description="The `next_cursor` of the page before.")


class PredictionsPage(BaseModel):
    """Predictions, newest first."""

    predictions: list[PredictionRecord]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")
