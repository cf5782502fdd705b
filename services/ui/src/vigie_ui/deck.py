"""Going through the verdicts to check, one card at a time: judge, skip, go back, undo, and the next ones ahead.

Nothing here touches Streamlit, the clock or the network.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vigie_ui.answers import Feedback, Sentiment
from vigie_ui.post import Delivery, Post
from vigie_ui.review_answers import Review, ReviewItem

AHEAD: Final = 10
"""With fewer unseen cards than this, the next ones are fetched."""
LOAD: Final = 30
MOST_ASKED: Final = 1_000
COUNTED_UP_TO: Final = 10_000
UNDO_LENGTH: Final = 200


@dataclass(slots=True, eq=False)
class Card:
    """One verdict to check, and what the reader made of it."""

    number: int
    item: ReviewItem
    feedback: Feedback | None = None
    delivery: Delivery | None = None
    skipped: bool = False

    @property
    def settled(self) -> bool:
        """Whether the reader is through with it."""
        return self.feedback is not None or self.skipped

    @property
    def said(self) -> Sentiment | None:
        """The sentiment that the reader found right."""
        if self.feedback is None:
            return None
        return self.feedback.correction or self.feedback.sentiment


@dataclass(frozen=True, slots=True)
class Step:
    """What a card was before the reader changed it."""

    card: Card
    feedback: Feedback | None
    skipped: bool


@dataclass(slots=True)
class Deck:
    """The cards of one visit under one filter. `at` is the card on show; one past the last: there is none."""

    cards: list[Card] = field(default_factory=list)
    at: int = 0
    exhausted: bool = False
    not_before: datetime | None = None
    judged_before: int = 0
    waiting_before: int = 0
    taken_back: Card | None = None
    _steps: list[Step] = field(default_factory=list)
    _counted: set[int] = field(default_factory=set)

    @property
    def current(self) -> Card | None:
        """The card on show."""
        return self.cards[self.at] if self.at < len(self.cards) else None

    @property
    def wants_more(self) -> bool:
        """Whether the next cards should be fetched."""
        return not self.exhausted and sum(not card.settled for card in self.cards[self.at :]) < AHEAD

    @property
    def to_ask_for(self) -> int:
        """How many verdicts to ask for: the API lists those again that are here already and not judged."""
        return min(MOST_ASKED, LOAD + sum(card.feedback is None or not _sent(card) for card in self.cards))

    @property
    def done_today(self) -> int:
        """Verdicts checked today, by everybody as of the last load and here since."""
        return self.judged_before + self._judged_since()

    @property
    def left(self) -> int:
        """Verdicts that nobody has checked; from `COUNTED_UP_TO` on they are no longer counted."""
        if self.waiting_before >= COUNTED_UP_TO:
            return COUNTED_UP_TO
        return max(0, self.waiting_before - self._judged_since())

    def load(self, review: Review) -> None:
        """Put what the API lists behind the cards that are here, each once."""
        known = {card.item.prediction_id for card in self.cards}
        fresh = [item for item in review.items if item.prediction_id not in known]
        for item in fresh:
            self.cards.append(Card(len(self.cards) + 1, item))
        self.exhausted = not fresh
        # What the API does not have yet is in neither of its counts.
        self._counted = {card.number for card in self.cards if card.delivery is Delivery.SENT}
        self.judged_before = review.judged_today
        self.waiting_before = review.waiting

    def judge(self, number: int, sentiment: Sentiment | None, post: Post) -> None:
        """Record what is right (None: what the model said) on the card on show, and go to the next one.

        A number of another card changes nothing: the reader had not seen this one when the key was pressed.
        """
        card = self._on_show(number)
        if card is None:
            return
        self._remember(card)
        card.feedback = feedback_on(card.item, sentiment)
        card.skipped = False
        post.give(card)
        self._advance()

    def skip(self, number: int) -> None:
        """Leave the card on show for another day, and go to the next one."""
        card = self._on_show(number)
        if card is None:
            return
        self._remember(card)
        card.skipped = True
        self._advance()

    def undo(self, post: Post) -> None:
        """Take the last judgement or skip back and show its card.

        The API forgets no verdict, the last one counts: what was said before is sent again, and where nothing was, that
        the model's verdict stands until the reader says otherwise.
        """
        if not self._steps:
            return
        step = self._steps.pop()
        card = step.card
        self.at = card.number - 1
        self.taken_back = card
        judged = card.feedback
        card.feedback, card.skipped = step.feedback, step.skipped
        if judged is step.feedback:
            return
        if step.feedback is not None:
            post.give(card)
            return
        # It may have arrived although no answer came back: a correction is contradicted even while it waits.
        post.withdraw(card)
        card.delivery = None
        if judged is not None and judged.verdict == "wrong":
            post.give(Retraction(feedback_on(card.item, None)))

    def move(self, by: int) -> None:
        """Go so many cards on (or back), no further than the ends."""
        self.taken_back = None
        self.at = max(0, min(len(self.cards), self.at + by))

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._steps)

    @property
    def skipped(self) -> int:
        """How many cards were left for another day."""
        return sum(card.skipped for card in self.cards)

    def see_skipped(self) -> None:
        """Show the skipped cards again, the first one first."""
        for card in self.cards:
            card.skipped = False
        self.at = next((place for place, card in enumerate(self.cards) if not card.settled), len(self.cards))

    def look_again(self) -> None:
        """Ask the API again, which had nothing more the last time."""
        self.exhausted = False
        self.not_before = None

    def _on_show(self, number: int) -> Card | None:
        card = self.current
        return card if card is not None and card.number == number else None

    def _remember(self, card: Card) -> None:
        self._steps.append(Step(card, card.feedback, card.skipped))
        del self._steps[:-UNDO_LENGTH]

    def _advance(self) -> None:
        self.taken_back = None
        later = (place for place in range(self.at + 1, len(self.cards)) if not self.cards[place].settled)
        self.at = next(later, len(self.cards))

    def _judged_since(self) -> int:
        return sum(card.feedback is not None and card.number not in self._counted for card in self.cards)


@dataclass(slots=True, eq=False)
class Retraction:
    """The verdict that takes a judgement back, on its way."""

    feedback: Feedback | None
    delivery: Delivery | None = None


def _sent(card: Card) -> bool:
    return card.delivery is Delivery.SENT


def feedback_on(item: ReviewItem, sentiment: Sentiment | None) -> Feedback:
    """The judgement that `sentiment` is right (None: what the model said)."""
    wrong = sentiment is not None and sentiment != item.sentiment
    return Feedback(
        prediction_id=item.prediction_id,
        verdict="wrong" if wrong else "correct",
        text=item.text,
        sentiment=item.sentiment,
        model_version=item.model_version,
        correction=sentiment if wrong else None,
    )
