"""What the API answers about episodes: surges of negative posts."""

from datetime import datetime

from vigie_ui.answers import Answer
from vigie_ui.mention_answers import Mention
from vigie_ui.topic_answers import RisingTerm


class Episode(Answer):
    """One episode. `past`: it was over long before it was found, and nobody was told.

    `posts_first` and `posts_representative` come only with an episode that is asked for alone.
    """

    id: str
    topic: str
    state: str
    severity: str
    onset_at: datetime
    opened_at: datetime
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    updated_at: datetime
    negatives: int
    posts: int
    expected: float
    ratio: float | None = None
    share: float | None = None
    reach: int | None = None
    terms: tuple[RisingTerm, ...] = ()
    alert_id: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    note: str | None = None
    false_alarm: bool = False
    past: bool = False
    posts_first: tuple[Mention, ...] = ()
    posts_representative: tuple[Mention, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self.state == "closed"


class Episodes(Answer):
    """A page of episodes, the latest first; `open` counts those that are not over."""

    episodes: tuple[Episode, ...]
    open: int
    next_cursor: str | None = None
