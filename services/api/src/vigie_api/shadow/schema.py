"""What GET /v1/model says of the challenger."""

from datetime import datetime

from pydantic import BaseModel, Field


class LatencyOut(BaseModel):
    """Milliseconds to judge one text; null before the first."""

    p50: float | None
    p95: float | None


class ShadowLatency(BaseModel):
    """Both measured in the same thread, on the same texts, one text at a time."""

    champion: LatencyOut
    challenger: LatencyOut


class ShadowOut(BaseModel):
    """The challenger beside the champion, on a sample of live traffic. It never answers anybody."""

    version: str = Field(examples=["4"])
    recipe: str = Field(examples=["tfidf_logreg"])
    gate: str = Field(description="What the gate said of this version; a refused one may be watched, not promoted.")
    since: datetime | None = Field(description="When this process loaded it; null while it cannot be loaded.")
    sample: float = Field(ge=0, le=1, description="Share of live traffic that it judges too.")
    scored: int = Field(ge=0, description="Predictions of this champion that it judged too, restarts included.")
    agreement: float | None = Field(ge=0, le=1, description="Share of them that both give the same sentiment.")
    mean_shift: float | None = Field(description="Its score less the champion's, on average.")
    latency_ms: ShadowLatency
    dropped: int = Field(ge=0, description="Sampled predictions that it did not judge, or whose opinion was not kept.")
    error: str | None = Field(description="Why it cannot be loaded or does not judge; null when all is well.")
