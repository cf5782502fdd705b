"""What the routes of episodes, topics and trends take and give."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from vigie_api.alerts.schema import Note
from vigie_api.instant import Instant
from vigie_api.mentions.schema import Source
from vigie_api.prediction.schema import Language, Sentiment, no_nul
from vigie_api.topic import Topic

CURSOR_PATTERN = r"^e[0-9]{1,12}[.][0-9a-f-]{36}$"
MOST_BUCKETS = 2_000
MOST_TOPICS = 50

SeverityName = Literal["watch", "serious", "critical"]
StateName = Literal["open", "cooling", "closed"]
Assignee = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(no_nul),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[^\u0000]*$"}),
]


class RisingTerm(BaseModel):
    """A word that rose."""

    term: str
    count: int = Field(description="Negative posts with it.")
    lift: float = Field(description="How many times as frequent as it usually is, cautiously for rare words.")


class EpisodePost(BaseModel):
    """A post of an episode: what GET /v1/mentions gives of it."""

    id: str = Field(description="Of the prediction on it, for POST /v1/feedback.")
    source: str
    external_id: str
    topic: str
    created_at: datetime
    received_at: datetime
    text: str | None = Field(description="Null when it was deleted since.")
    url: str | None
    reach: int | None
    sentiment: Sentiment | None
    score: float | None
    confidence: float | None
    uncertain: bool | None
    language: str | None
    model_version: str | None
    counted: bool | None = Field(description="False: a near-copy, or its author's further post.")
    verdict: Literal["correct", "wrong"] | None
    correction: Sentiment | None


class EpisodeOut(BaseModel):
    """A surge of negative posts about a topic. Copies, and one author's further posts, are not counted."""

    id: str
    topic: str
    state: StateName = Field(description="Cooling: still open, but its last hour was no surprise any more.")
    severity: SeverityName = Field(description="The highest so far.")
    onset_at: datetime = Field(description="When the rise seems to have begun.")
    opened_at: datetime = Field(description="When it was sure enough to warn.")
    escalated_at: datetime | None = Field(description="When its severity last rose.")
    closed_at: datetime | None
    updated_at: datetime
    negatives: int = Field(description="Negative posts from the onset until it closed, or now.")
    posts: int
    expected: float = Field(description="Negative posts that are usual for the topic at these hours.")
    ratio: float | None = Field(description="Negatives for each expected one.")
    share: float | None = Field(description="Of the negative posts among all.")
    reach: int | None = Field(description="Sum of the reach of its negative posts, as far as it is known.")
    terms: list[RisingTerm]
    past: bool = Field(description="It was over long before it was found (history came in): nobody was told.")
    alert_id: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assignee: str | None
    note: str | None
    false_alarm: bool


class EpisodeDetail(EpisodeOut):
    """An episode with some of its posts."""

    posts_first: list[EpisodePost] = Field(description="The first negative ones, at most 5.")
    posts_representative: list[EpisodePost] = Field(description="The most telling ones, no two alike, at most 5.")


class EpisodePage(BaseModel):
    """Episodes, the last opened first."""

    episodes: list[EpisodeOut]
    open: int = Field(description="Episodes of every topic that are open now.")
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")


class EpisodeQuery(BaseModel):
    """Which episodes to list."""

    model_config = ConfigDict(extra="forbid")

    topic: Topic | None = None
    state: Literal["open", "closed"] | None = Field(None, description="Open includes those that cool down.")
    severity: SeverityName | None = None
    since: Instant | None = Field(None, description="Opened at or after, RFC 3339.")
    until: Instant | None = Field(None, description="Opened before, RFC 3339.")
    limit: int = Field(50, ge=1, le=1_000, description="Most episodes in a page.")
    cursor: str | None = Field(None, pattern=CURSOR_PATTERN, description="The `next_cursor` of the page before.")


class EpisodePatch(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"acknowledged": True, "assignee": "Camille", "note": "Statement at noon."}]},
    )

    acknowledged: Literal[True] | None = Field(None, description="Somebody has seen it: its alert is seen, too.")
    assignee: Assignee | None = Field(None, description="Who takes care of it; null: nobody.")
    note: Note | None = Field(None, description="Null: none.")
    false_alarm: bool | None = Field(
        None, description="True: from now on it takes more to alarm this topic's readers. False takes that back."
    )


class LastHour(BaseModel):
    """The last hour of a topic."""

    posts: int
    negatives: int
    expected: float | None = Field(description="Negative posts that are usual now; null while it is learned.")


class TopicNow(BaseModel):
    """How a topic is doing."""

    topic: str
    state: Literal["learning", "calm", "watch", "serious", "critical"] = Field(
        description="Learning: on the first day. Otherwise the severity of its open episode, or calm."
    )
    episode_id: str | None
    posts_24h: int
    negatives_24h: int
    share_24h: float | None
    last_hour: LastHour
    last_post_at: datetime | None
    sources: list[str]


class TopicsOut(BaseModel):
    """Every topic, those in trouble first, then the busiest."""

    topics: list[TopicNow]
    at: datetime


class TrendsQuery(BaseModel):
    """Which counts to give."""

    model_config = ConfigDict(extra="forbid")

    topic: list[Topic] = Field([], max_length=MOST_TOPICS, description="May be repeated; none: all topics.")
    source: Source | None = None
    language: Language | None = None
    since: Instant | None = Field(None, description="RFC 3339; a day before `until` when left out.")
    until: Instant | None = Field(None, description="RFC 3339; now when left out.")
    step: Literal["5m", "1h", "1d"] | None = Field(
        None,
        description="Length of a bucket, by the length of the period when left out. A period of more than "
        f"{MOST_BUCKETS:,} buckets begins later than asked for.",
    )


class TrendBucket(BaseModel):
    """One bucket. All posts are in it, copies too."""

    at: datetime = Field(description="Its beginning.")
    posts: int
    negatives: int
    share: float | None
    expected: float | None = Field(description="Negative posts that are usual.")
    low: float | None = Field(description="Nineteen of twenty usual buckets have at least so many.")
    high: float | None = Field(description="Nineteen of twenty usual buckets have at most so many.")


class TrendEpisode(BaseModel):
    """An episode of the period."""

    id: str
    topic: str
    onset_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    severity: SeverityName


class TrendsOut(BaseModel):
    """Counts over time, and what marked the period."""

    step_s: int
    since: datetime
    until: datetime
    buckets: list[TrendBucket] = Field(description="Oldest first, empty ones too.")
    episodes: list[TrendEpisode]
    terms: list[RisingTerm] = Field(description="Words that rose most among negative posts, against the time before.")


class ReportQuery(BaseModel):
    """How to write a report."""

    model_config = ConfigDict(extra="forbid")

    language: Literal["fr", "en"] = "fr"
