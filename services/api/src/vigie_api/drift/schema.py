"""What GET /v1/drift takes and gives."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from vigie_api.drift.days import DAYS_AT_MOST
from vigie_api.drift.verdict import Name, State, Statistic


class DriftQuery(BaseModel):
    """How far back."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(14, ge=1, le=DAYS_AT_MOST, description="Days up to today (UTC), today included.")


class MeasureOut(BaseModel):
    """One comparison with the reference."""

    name: Name
    statistic: Statistic = Field(
        description="psi: population stability index; jensen_shannon: distance from 0 to 1; share: how much smaller "
        "the share of known words is than in training."
    )
    value: float = Field(ge=0)
    state: State


class DayOut(BaseModel):
    """The predictions of one day by the version that serves now."""

    day: date
    predictions: int = Field(ge=0)
    state: State = Field(description="The worst of its measures; few: too few predictions, or no reference.")
    measures: list[MeasureOut]


class Thresholds(BaseModel):
    """From which value on a measure warns or alerts."""

    warning: float
    alert: float


class DriftOut(BaseModel):
    """How far each day is from what the version was made for, in order of the days."""

    model_version: str
    reference: bool = Field(description="false: the artifact of this version carries no statistics to compare with.")
    thresholds: Thresholds
    minimum_predictions: int = Field(description="A day with fewer is not judged.")
    days: list[DayOut]
