"""What GET /v1/mentions takes and gives."""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from vigie_api.feedback.schema import Verdict
from vigie_api.instant import Instant
from vigie_api.mentions.schema import Source
from vigie_api.prediction.schema import Language, Sentiment
from vigie_api.topic import Topic

MENTIONS_CURSOR: Final = r"^m-?[0-9]{1,18}[.][0-9]{1,18}$"


class MentionOut(BaseModel):
    """A mention, with what the model said of it and what people said of that."""

    id: str = Field(description="Also the id of the prediction on it: name it in POST /v1/feedback.")
    source: str
    external_id: str
    topic: str
    created_at: datetime = Field(description="When it was posted.")
    received_at: datetime = Field(description="When it was taken in.")
    text: str | None = Field(description="Null once it was anonymised.")
    url: str | None
    reach: int | None
    sentiment: Sentiment | None = Field(description="Null until it is judged.")
    score: float | None = Field(description="Calibrated probability that it is positive.")
    confidence: float | None
    uncertain: bool | None
    language: Language | None
    model_version: str | None
    counted: bool | None = Field(
        description="Whether the watch counted it; false for a copy and for an author's further posts, null until then."
    )
    verdict: Verdict | None = Field(description="What people said of the prediction, if anybody did.")
    correction: Sentiment | None = Field(description="The right sentiment, as the verdict implies it.")


class MentionsQuery(BaseModel):
    """Which mentions to list."""

    model_config = ConfigDict(extra="forbid")

    topic: Topic | None = Field(None, description="About this topic.")
    source: Source | None = Field(None, description="Posted there.")
    language: Language | None = Field(None, description="In this language, as the model told it.")
    sentiment: Sentiment | None = Field(None, description="Judged so by the model.")
    since: Instant | None = Field(None, description="Posted at or after, RFC 3339.")
    until: Instant | None = Field(None, description="Posted before, RFC 3339.")
    episode: str | None = Field(
        None,
        pattern="^[A-Za-z0-9_-]{1,64}$",
        description="Of the topic of this episode, from its onset to its end (to now while it is open).",
    )
    counted: bool | None = Field(None, description="Counted by the watch, or left out of its counts.")
    limit: int = Field(50, ge=1, le=1_000, description="Most mentions in a page.")
    cursor: str | None = Field(None, pattern=MENTIONS_CURSOR, description="The `next_cursor` of the page before.")


class MentionsPage(BaseModel):
    """Mentions, newest first."""

    mentions: list[MentionOut]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last. A page of something rare may be short, "
        "even empty, and not the last: no more than 50,000 mentions are looked at for one."
    )
