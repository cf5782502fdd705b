"""What the feedback routes take and give."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict, JsonValue

from vigie_api.instant import Instant
from vigie_api.prediction.schema import Language, Sentiment, Tweet, Version, no_nul
from vigie_api.topic import Topic

Verdict = Literal["correct", "wrong"]
PredictionId = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$", examples=["019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71"]),
]
Comment = Annotated[
    str,
    Field(max_length=1_000),
    AfterValidator(no_nul),
    WithJsonSchema({"type": "string", "maxLength": 1_000, "pattern": r"^[^\u0000]*$"}),
]
GivenBy = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["marketing"])]
CURSOR_PATTERN = "^f[0-9]{1,18}$"  # any such number fits the column
OPPOSITE: dict[Sentiment, Sentiment] = {"positive": "negative", "negative": "positive"}


def contradiction(verdict: Verdict, correction: Sentiment | None, predicted: Sentiment | None) -> str | None:
    """Why a verdict and its correction cannot both be meant of what was predicted; None when they can."""
    if correction is None or predicted is None:
        return None
    if verdict == "wrong" and correction == predicted:
        return "the verdict is wrong, but the correction repeats the predicted sentiment"
    if verdict == "correct" and correction != predicted:
        return "the verdict is correct, but the correction contradicts the predicted sentiment"
    return None


def _contradiction(verdict: Verdict, correction: Sentiment, sentiment: Sentiment) -> JsonDict:
    said = {"verdict": verdict, "correction": correction, "sentiment": sentiment}
    return {"properties": {name: {"const": value} for name, value in said.items()}, "required": [*said]}


_CONTRADICTIONS: list[JsonValue] = [
    *(_contradiction("wrong", sentiment, sentiment) for sentiment in OPPOSITE),
    *(_contradiction("correct", other, sentiment) for sentiment, other in OPPOSITE.items()),
]


class FeedbackRequest(BaseModel):
    """A verdict on a prediction.

    Only `prediction_id` and `verdict` are needed while the prediction is in the database. Send `text`, `sentiment`,
    `model_version` and `topic` too, as the prediction had them: then the feedback is worth something without it.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "not": {"anyOf": _CONTRADICTIONS},
            "examples": [
                {
                    "prediction_id": "019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71",
                    "verdict": "wrong",
                    "correction": "positive",
                    "text": "Merci à l'équipage, vol parfait !",
                    "sentiment": "negative",
                    "model_version": "3",
                    "comment": "Irony is not the point here.",
                }
            ],
        },
    )

    prediction_id: PredictionId
    verdict: Verdict
    correction: Sentiment | None = Field(
        None, description="The right sentiment. With `wrong` and left out, it is the opposite of the predicted one."
    )
    text: Tweet | None = None
    sentiment: Sentiment | None = Field(
        None, description="The sentiment that was predicted. Where the prediction is known here, what it said counts."
    )
    model_version: Version | None = Field(None, description="The version that predicted.")
    topic: Topic | None = Field(None, description="What the tweet is about.")
    comment: Comment | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "FeedbackRequest":
        why = contradiction(self.verdict, self.correction, self.sentiment)
        if why is not None:
            raise ValueError(why)
        return self


class FeedbackReceipt(BaseModel):
    """The verdict is durable."""

    id: str
    prediction_id: str
    verdict: Verdict
    correction: Sentiment | None = Field(description="Given or implied; null when it cannot be known yet.")
    received_at: datetime


class FeedbackOut(FeedbackReceipt):
    """The verdict that counts, with what is known of its prediction."""

    text: str | None
    sentiment: Sentiment | None = Field(description="The sentiment that was predicted.")
    score: float | None
    language: Language | None = Field(description="Of the tweet; null when the prediction is not in the database.")
    model_version: str | None
    topic: str | None = Field(description="What the tweet is about, where somebody said so.")
    predicted_at: datetime | None
    given_by: str | None = Field(
        description="Name of the API key that the verdict was sent with: a person, a team, or a page that many people "
        "use. `embedded` where no key is configured; null when it was given before names were kept."
    )
    comment: str | None


class FeedbackQuery(BaseModel):
    """Which verdicts to list. A filter that does not exist is refused: misspelt, it would let everything through."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict | None = Field(None, description="`wrong` gives the hard examples.")
    since: Instant | None = Field(None, description="Received at or after, RFC 3339.")
    until: Instant | None = Field(None, description="Received before, RFC 3339.")
    model_version: Version | None = Field(None, description="Predicted by this version.")
    language: Language | None = Field(None, description="Of the tweet, as it was told when it was predicted.")
    topic: Topic | None = Field(None, description="About this topic.")
    given_by: GivenBy | None = Field(None, description="Given with the key of this name.")
    correction: Sentiment | None = Field(None, description="The right sentiment, given or implied, is this.")
    limit: int = Field(50, ge=1, le=1_000, description="Most verdicts in a page; an export has no limit.")
    cursor: str | None = Field(None, pattern=CURSOR_PATTERN, description="The `next_cursor` of the page before.")
    format: Literal["json", "ndjson", "csv"] | None = Field(
        None, description="What to answer with, for links that cannot say it in the header Accept."
    )


class FeedbackPage(BaseModel):
    """Verdicts, newest first."""

    feedback: list[FeedbackOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")
