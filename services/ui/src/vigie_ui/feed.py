"""The posts on show, what the reader said of them, and those that came meanwhile. No Streamlit, clock or network."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from vigie_ui.answers import Feedback, Sentiment, Verdict
from vigie_ui.deck import Retraction
from vigie_ui.mention_answers import Mention, Mentions
from vigie_ui.post import Delivery, Post
from vigie_ui.verdict import opposite

PER_PAGE: Final = 20
MOST_SHOWN: Final = 400
STILL: Final = timedelta(seconds=60)
"""How long after a judgement no post may move under the reader's hand."""


@dataclass(slots=True, eq=False)
class Said:
    """What the reader said of a post, and how far it has come."""

    feedback: Feedback | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The judgement of a post that counts, and how far it has come."""

    verdict: Verdict
    correction: Sentiment | None
    delivery: Delivery


@dataclass(slots=True)
class Sayings:
    """Everything that this visit said of posts, whatever the filters show."""

    by_id: dict[str, Said] = field(default_factory=dict)

    def standing(self, mention: Mention) -> Standing | None:
        """The judgement of a post that counts: this visit's, else the one that the API knows."""
        said = self.by_id.get(mention.id)
        if said is not None:
            if said.feedback is None:
                return None
            return Standing(said.feedback.verdict, said.feedback.correction, said.delivery or Delivery.SENT)
        return None if mention.verdict is None else Standing(mention.verdict, mention.correction, Delivery.SENT)

    def judge(self, mention: Mention, *, right: bool, post: Post) -> None:
        """Say that a post was read rightly, or wrongly; one that was not read, or is deleted, cannot be judged."""
        if judgeable(mention):
            said = self.by_id.setdefault(mention.id, Said())
            said.feedback = feedback_on(mention, right=right)
            post.give(said)

    def take_back(self, mention: Mention, post: Post) -> None:
        """Unsay it. The API forgets no verdict: a correction that may have arrived is contradicted."""
        before = self.standing(mention)
        said = self.by_id.get(mention.id)
        if said is not None:
            post.withdraw(said)
        self.by_id[mention.id] = Said()
        if before is not None and before.verdict == "wrong" and judgeable(mention):
            post.give(Retraction(feedback_on(mention, right=True)))

    @property
    def refused(self) -> int:
        """How many judgements the API did not take."""
        return sum(said.delivery is Delivery.REFUSED for said in self.by_id.values())


@dataclass(slots=True)
class Feed:
    """The posts on show under one set of filters, the latest first."""

    mentions: list[Mention] = field(default_factory=list)
    cursor: str | None = None
    fresh: int = 0
    extended: bool = False
    still_until: datetime | None = None
    _latest: Mentions | None = None

    def renew(self, page: Mentions, now: datetime) -> None:
        """Take in the latest posts: at once, or, while the reader reads on or judges, only their number."""
        self._latest = page
        if not self.extended and not self._still(now):
            self._show(page)
            return
        news = {mention.id: mention for mention in page.mentions}
        known = {mention.id for mention in self.mentions}
        self.mentions = [news.get(mention.id, mention) for mention in self.mentions]
        self.fresh = len(news.keys() - known)

    def extend(self, page: Mentions) -> None:
        """Put earlier posts behind those on show."""
        known = {mention.id for mention in self.mentions}
        self.mentions += [mention for mention in page.mentions if mention.id not in known]
        self.cursor = page.next_cursor if len(self.mentions) < MOST_SHOWN else None
        self.extended = True

    def hold(self, now: datetime) -> None:
        """Keep the posts where they are for a while."""
        self.still_until = now + STILL

    def show_fresh(self) -> None:
        """Show the latest posts, as they came."""
        self.still_until = None
        if self._latest is not None:
            self._show(self._latest)

    def _still(self, now: datetime) -> bool:
        return self.still_until is not None and now < self.still_until

    def _show(self, page: Mentions) -> None:
        self.mentions = list(page.mentions)
        self.cursor = page.next_cursor
        self.fresh = 0
        self.extended = False


def judgeable(mention: Mention) -> bool:
    """Whether there is a verdict to judge and a text to judge it by."""
    return mention.sentiment is not None and bool(mention.text)


def feedback_on(mention: Mention, *, right: bool) -> Feedback:
    """The judgement of a post that was read."""
    if mention.sentiment is None or not mention.text:
        raise ValueError(mention.id)
    return Feedback(
        prediction_id=mention.id,
        verdict="correct" if right else "wrong",
        text=mention.text,
        sentiment=mention.sentiment,
        model_version=mention.model_version or "",
        correction=None if right else opposite(mention.sentiment),
    )


def holding(mentions: Iterable[Mention], term: str) -> list[Mention]:
    """The posts that have a word (or some in a row), whatever its case and accents."""
    wanted = re.compile(rf"(?<!\w){re.escape(_folded(term))}(?!\w)")
    return [mention for mention in mentions if mention.text and wanted.search(_folded(mention.text))]


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.casefold().replace("’", "'"))
    return "".join(character for character in plain if not unicodedata.combining(character))
