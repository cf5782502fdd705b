"""What the API answers about the topics that are watched, and about how they went."""

from datetime import datetime

from vigie_ui.answers import Answer


class LastHour(Answer):
    """The last sixty minutes of a topic; `expected`: the negatives that are usual then, None while it learns."""

    posts: int
    negatives: int
    expected: float | None = None


class Topic(Answer):
    """How one topic does now."""

    topic: str
    state: str
    episode_id: str | None = None
    posts_24h: int
    negatives_24h: int
    share_24h: float | None = None
    last_hour: LastHour
    last_post_at: datetime | None = None
    sources: tuple[str, ...] = ()


class Topics(Answer):
    """Every topic, the worst first."""

    topics: tuple[Topic, ...]
    at: datetime


class Bucket(Answer):
    """What was posted in one step of time; `low` to `high`: where nine of ten usual counts of negatives lie."""

    at: datetime
    posts: int
    negatives: int
    share: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None


class EpisodeMark(Answer):
    """Where an episode lies on a timeline."""

    id: str
    topic: str
    onset_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    severity: str


class RisingTerm(Answer):
    """A word that negative posts have more often than before; `lift` says how much."""

    term: str
    count: int
    lift: float


class Trends(Answer):
    """A period in steps of `step_s` seconds, its episodes, and the words that rose in it."""

    step_s: float
    since: datetime
    until: datetime
    buckets: tuple[Bucket, ...] = ()
    episodes: tuple[EpisodeMark, ...] = ()
    terms: tuple[RisingTerm, ...] = ()
