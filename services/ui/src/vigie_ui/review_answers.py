"""What the API answers about the verdicts to check, and about the ones that were wrong."""

from datetime import datetime

from vigie_ui.answers import Answer, Sentiment


class Challenger(Answer):
    """What the model that may take over says of the same text."""

    version: str
    sentiment: Sentiment
    score: float


class ReviewItem(Answer):
    """A verdict that a person should check. `copies`: near-identical texts it stands for, itself among them."""

    prediction_id: str
    text: str
    sentiment: Sentiment
    score: float
    confidence: float
    uncertain: bool
    language: str
    model_version: str
    topic: str | None = None
    predicted_at: datetime
    reasons: tuple[str, ...] = ()
    copies: int = 1
    challenger: Challenger | None = None


class Review(Answer):
    """What to check next, most useful first. `waiting` stops counting at 10,000."""

    items: tuple[ReviewItem, ...]
    waiting: int
    judged_today: int


class LanguageCount(Answer):
    """How many verdicts on texts in one language, and how many of them were wrong."""

    language: str
    judged: int
    wrong: int


class TopicCount(Answer):
    """How many verdicts on texts about one topic, None: nobody said which, and how many of them were wrong."""

    topic: str | None
    judged: int
    wrong: int


class Example(Answer):
    """A text that was judged wrongly."""

    prediction_id: str
    text: str
    sentiment: Sentiment | None
    correction: Sentiment | None


class Term(Answer):
    """A word, or two in a row, that wrong verdicts have more often than right ones."""

    term: str
    language: str
    wrong: int
    judged: int
    lift: float
    examples: tuple[Example, ...] = ()


class Patterns(Answer):
    """What the wrong verdicts have in common."""

    judged: int
    wrong: int
    by_language: tuple[LanguageCount, ...] = ()
    by_topic: tuple[TopicCount, ...] = ()
    terms: tuple[Term, ...] = ()
