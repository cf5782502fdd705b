"""What the review routes take and give."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from vigie_api.instant import Instant
from vigie_api.prediction.schema import Language, Sentiment, Version
from vigie_api.review.selection import Reason
from vigie_api.topic import Topic


class PatternsQuery(BaseModel):
    """Which verdicts to look at. A filter that does not exist is refused: misspelt, it would let everything through."""

    model_config = ConfigDict(extra="forbid")

    since: Instant | None = Field(None, description="Judged at or after, RFC 3339.")
    until: Instant | None = Field(None, description="Judged before, RFC 3339.")
    language: Language | None = Field(None, description="Of the tweet, as it was told when it was predicted.")
    model_version: Version | None = Field(None, description="Predicted by this version.")
    topic: Topic | None = Field(None, description="About this topic.")


class ReviewQuery(BaseModel):
    """Which predictions to choose from. A filter that does not exist is refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=1_000, description="Most predictions to choose.")
    since: Instant | None = Field(None, description="Predicted at or after, RFC 3339.")
    until: Instant | None = Field(None, description="Predicted before, RFC 3339.")
    language: Language | None = Field(None, description="Of the tweet, as it was told when it was predicted.")
    model_version: Version | None = Field(None, description="Predicted by this version.")
    topic: Topic | None = Field(None, description="About this topic.")


class ChallengerOut(BaseModel):
    """What the challenger says of the same tweet."""

    version: str
    sentiment: Sentiment
    score: float = Field(ge=0, le=1)


class ReviewItem(BaseModel):
    """A prediction to judge next."""

    prediction_id: str
    text: str
    sentiment: Sentiment
    score: float = Field(ge=0, le=1, description="Calibrated probability that the tweet is positive.")
    confidence: float = Field(ge=0.5, le=1, description="max(score, 1 - score).")
    uncertain: bool = Field(description="The model itself said that a person should look.")
    language: Language
    model_version: str
    topic: str | None
    predicted_at: datetime
    reasons: list[Reason] = Field(
        description="uncertain: the score is near one half; disagreement: the challenger says otherwise; disputed: "
        "people judged it differently. None: its words alone speak for it, many other tweets share them."
    )
    priority: float = Field(ge=0, le=1, description="What a verdict is worth, against the first of the list.")
    copies: int = Field(ge=1, description="Nearly the same tweets that it stands for, itself among them.")
    challenger: ChallengerOut | None = Field(description="null where no challenger judged it in the shadow.")
    disputes: int = Field(ge=0, description="People who stand against as many others.")


class ReviewList(BaseModel):
    """What to label next, best first."""

    items: list[ReviewItem]
    waiting: int = Field(description="Unjudged predictions in the range; 10,000 stands for that many or more.")
    judged_today: int = Field(description="Predictions judged since midnight UTC, by anybody.")


class JudgedBy(BaseModel):
    """How many verdicts, and how many of them say wrong."""

    judged: int
    wrong: int


class JudgedLanguage(JudgedBy):
    """The verdicts on tweets in one language."""

    language: Language


class JudgedSentiment(JudgedBy):
    """The verdicts on predictions of one sentiment."""

    sentiment: Sentiment


class JudgedTopic(JudgedBy):
    """The verdicts on tweets about one topic."""

    topic: str | None = Field(description="null: nobody said what they are about.")


class PatternExample(BaseModel):
    """A wrongly predicted tweet."""

    prediction_id: str
    text: str
    sentiment: Sentiment | None = Field(description="The sentiment that was predicted.")
    correction: Sentiment | None


class PatternTerm(JudgedBy):
    """A term that wrongly predicted tweets have more often than rightly predicted ones of the same language."""

    term: str = Field(description="One word, or two that follow each other, cleaned as the models do.")
    language: Language
    lift: float = Field(description="Log of the odds in wrong against right predictions, drawn to 0 by a prior.")
    examples: list[PatternExample] = Field(description="The newest wrongly predicted tweets with it, three at most.")


class Patterns(JudgedBy):
    """What the wrong predictions have in common."""

    by_language: list[JudgedLanguage]
    by_sentiment: list[JudgedSentiment]
    by_topic: list[JudgedTopic] = Field(description="Most judged first, 100 at most.")
    terms: list[PatternTerm] = Field(description="The surest first, 40 at most.")
