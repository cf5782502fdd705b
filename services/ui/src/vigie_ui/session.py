"""What one visitor did on the page: verdicts received, judgements given, and what still waits for the API.

Nothing here touches Streamlit, the clock or the network: time and client are arguments.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from vigie_ui.answers import Explanation, Feedback, Prediction, Receipt, Sentiment, Verdict
from vigie_ui.failures import ApiError, Reason
from vigie_ui.post import RETRY_S, Delivery, Post

HISTORY_LENGTH: Final = 50


class Api(Protocol):
    """The calls a session makes."""

    def predict(self, text: str) -> Prediction:
        """The verdict on one text. Raises ApiError."""
        ...

    def explain(self, text: str, version: str) -> Explanation:
        """What that version thinks of a text, and why. Raises ApiError."""
        ...

    def send_feedback(self, feedback: Feedback) -> Receipt:
        """Record one judgement. Raises ApiError."""
        ...


@dataclass(slots=True)
class Entry:
    """One text with its verdict, and the reader's judgement if there is one."""

    number: int
    text: str
    prediction: Prediction
    at: datetime
    feedback: Feedback | None = None
    delivery: Delivery | None = None
    reasons: Explanation | ApiError | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A text that got no verdict, why, and when to ask again by itself (None: asking again is pointless)."""

    text: str
    error: ApiError
    retry_at: datetime | None


@dataclass(slots=True)
class Session:
    """One visit. `entries` is oldest first; `current` is the one on show; `post` carries the judgements."""

    entries: list[Entry] = field(default_factory=list)
    current: Entry | None = None
    unanswered: Unanswered | None = None
    post: Post = field(default_factory=Post)
    _count: int = 0

    def analyse(self, api: Api, text: str, now: datetime) -> None:
        """Ask for the verdict on `text`; it becomes the current entry, or `unanswered` says what went wrong."""
        try:
            prediction = api.predict(text)
        except ApiError as error:
            retry_at = now + timedelta(seconds=error.retry_after_s or RETRY_S) if error.passing else None
            self.unanswered = Unanswered(text, error, retry_at)
            self.current = None
            return
        self.unanswered = None
        self._count += 1
        self.current = Entry(self._count, text, prediction, now)
        self.entries.append(self.current)
        self._forget_old()

    def judge(
        self, api: Api, entry: Entry, now: datetime, *, correction: Sentiment | None = None, comment: str = ""
    ) -> None:
        """Record that the verdict is right, or which one would have been, and send it or keep it for later."""
        entry.feedback = feedback_on(entry, correction=correction, comment=comment)
        self.post.give(entry)
        self.post.deliver(api, now)

    def explain(self, api: Api, entry: Entry) -> None:
        """Ask the model that judged why; the entry keeps the answer, or what went wrong."""
        try:
            entry.reasons = api.explain(entry.text, entry.prediction.model.version)
        except ApiError as error:
            entry.reasons = error

    def waiting(self) -> list[Entry]:
        """Entries whose judgement the API does not have yet, oldest first."""
        return [entry for entry in self.entries if entry.delivery is Delivery.WAITING]

    def due(self, now: datetime) -> bool:
        """Whether something waits and its time to be tried again has come."""
        retry_at = self.unanswered.retry_at if self.unanswered else None
        return self.post.due(now) or (retry_at is not None and retry_at <= now)

    def retry(self, api: Api, now: datetime) -> bool:
        """Try again, in order, what waits: judgements first, then the text without a verdict. True if that changed
        anything worth showing.
        """
        before = self._standing()
        self.post.deliver(api, now)
        if self.unanswered is not None and self.unanswered.retry_at is not None:
            self.analyse(api, self.unanswered.text, now)
        return self._standing() != before

    def _standing(self) -> tuple[int, Reason | None]:
        return len(self.waiting()), self.unanswered.error.reason if self.unanswered else None

    def show(self, entry: Entry) -> None:
        """Make an earlier entry the current one."""
        self.current = entry
        self.unanswered = None

    def _forget_old(self) -> None:
        # A judgement that the API does not have yet is never forgotten.
        surplus = len(self.entries) - HISTORY_LENGTH
        if surplus > 0:
            old = [entry for entry in self.entries if entry.delivery is not Delivery.WAITING][:surplus]
            self.entries = [entry for entry in self.entries if entry not in old]


def feedback_on(entry: Entry, *, correction: Sentiment | None, comment: str) -> Feedback:
    """The judgement of an entry's verdict; a correction that says what the verdict says means that it is right."""
    sentiment = entry.prediction.sentiment
    wrong = correction is not None and correction != sentiment
    verdict: Verdict = "wrong" if wrong else "correct"
    return Feedback(
        prediction_id=entry.prediction.id,
        verdict=verdict,
        text=entry.text,
        sentiment=sentiment,
        model_version=entry.prediction.model.version,
        correction=correction if wrong else None,
        comment=comment.strip() or None,
    )
