"""A verdict as the page words it, without a word of HTML or Streamlit."""

from dataclasses import dataclass
from typing import Final, Literal

from vigie_ui.answers import Judgement, ModelName, Prediction, Sentiment
from vigie_ui.i18n import Catalogue

Sureness = Literal["sure", "fairly_sure", "hesitant"]

SURE_FROM: Final = 0.90

SENTIMENT_KEYS: Final[dict[Sentiment, str]] = {"positive": "sentiment.positive", "negative": "sentiment.negative"}
SURENESS_KEYS: Final[dict[Sureness, str]] = {
    "sure": "sureness.sure",
    "fairly_sure": "sureness.fairly_sure",
    "hesitant": "sureness.hesitant",
}
ADVICE_KEYS: Final[dict[Sureness, str]] = {
    "sure": "advice.sure",
    "fairly_sure": "advice.fairly_sure",
    "hesitant": "advice.hesitant",
}
LANGUAGE_KEYS: Final = {"fr": "language.fr", "en": "language.en"}
LANGUAGE_UNKNOWN_KEY: Final = "language.und"


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What the card shows; every string is in the reader's language and is plain text."""

    sentiment: Sentiment
    word: str
    sureness: Sureness
    sureness_word: str
    advice: str
    percent: str
    meter: int
    language: str
    model: str
    recipe: str
    text: str


def sureness_of(prediction: Judgement) -> Sureness:
    """How sure the model is: hesitant inside its own uncertain band, sure from 90 % up."""
    if prediction.uncertain:
        return "hesitant"
    return "sure" if prediction.confidence >= SURE_FROM else "fairly_sure"


def opposite(sentiment: Sentiment) -> Sentiment:
    """The other of the two sentiments."""
    return "negative" if sentiment == "positive" else "positive"


def verdict_view(prediction: Prediction, text: str, say: Catalogue) -> VerdictView:
    """The card of one prediction."""
    return judgement_view(prediction, prediction.model, text, say)


def judgement_view(judgement: Judgement, model: ModelName, text: str, say: Catalogue) -> VerdictView:
    """The card of what a model thinks of a text."""
    sureness = sureness_of(judgement)
    return VerdictView(
        sentiment=judgement.sentiment,
        word=say(SENTIMENT_KEYS[judgement.sentiment]),
        sureness=sureness,
        sureness_word=say(SURENESS_KEYS[sureness]),
        advice=say(ADVICE_KEYS[sureness]),
        percent=say.percent(judgement.confidence),
        meter=round(judgement.confidence * 100),
        language=say(LANGUAGE_KEYS.get(judgement.language, LANGUAGE_UNKNOWN_KEY)),
        model=say("verdict.model_value", name=model.name, version=model.version),
        recipe=model.recipe,
        text=text,
    )


def copyable(view: VerdictView, say: Catalogue) -> str:
    """The verdict as a few lines of plain text, to paste into a mail or a report."""
    return say(
        "copy.text",
        text=view.text,
        word=view.word,
        percent=view.percent,
        sureness=view.sureness_word,
        language=view.language,
        model=view.model,
        recipe=view.recipe,
    )
