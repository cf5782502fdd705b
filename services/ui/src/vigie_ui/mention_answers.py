"""What the API answers about the posts that it has read."""

from datetime import datetime

from vigie_ui.answers import Answer, Sentiment, Verdict


class Mention(Answer):
    """A post. Without `sentiment` it waits to be read; without `text`, once read, the text was deleted.

    `counted` False: a copy, or one author's further post, which the watch leaves out.
    """

    id: str
    source: str
    external_id: str
    topic: str
    created_at: datetime
    text: str | None = None
    url: str | None = None
    reach: int | None = None
    sentiment: Sentiment | None = None
    score: float | None = None
    confidence: float | None = None
    uncertain: bool | None = None
    language: str | None = None
    model_version: str | None = None
    counted: bool | None = None
    verdict: Verdict | None = None
    correction: Sentiment | None = None


class Mentions(Answer):
    """A page of posts, the latest first."""

    mentions: tuple[Mention, ...]
    next_cursor: str | None = None
