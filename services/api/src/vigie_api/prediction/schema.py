"""What the prediction routes take and give."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from vigie_api.settings import MAX_TEXT_CHARS, MAX_TEXTS
from vigie_api.topic import INVISIBLE, Topic

Sentiment = Literal["positive", "negative"]
Language = Literal["en", "fr", "und"]

_VISIBLE = re.compile(f"[^{INVISIBLE}]")


def no_nul(text: str) -> str:
    """The text, or ValueError: a NUL character cannot be stored."""
    if "\0" in text:
        raise ValueError("contains a NUL character (U+0000); remove it")
    return text


def _tweet(text: str) -> str:
    if not _VISIBLE.search(text):
        raise ValueError("is blank; send at least one visible character")
    return no_nul(text)


Tweet = Annotated[
    str,
    Field(min_length=1, max_length=MAX_TEXT_CHARS),
    AfterValidator(_tweet),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT_CHARS,
            "pattern": f"^[^\\u0000]*[^{INVISIBLE}][^\\u0000]*$",
            "description": "A tweet: at most 10,000 Unicode characters, at least one of them visible, no NUL.",
        }
    ),
]
Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$", examples=["3"], description="A registry version number.")]


class ExplainRequest(BaseModel):
    """One tweet whose verdict is to be explained."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": "My flight was cancelled and nobody answers. Worst airline ever."},
                {"text": "Merci à l'équipage, vol parfait !"},
            ]
        },
    )

    text: Tweet
    model_version: Version | None = Field(
        None,
        description="Ask this version, which need not be the champion; the gate must have passed it. It is loaded when "
        "it is first asked for, which takes a moment. Leave it out to take the champion.",
    )


class PredictRequest(ExplainRequest):
    """One tweet to judge."""

    topic: Topic | None = Field(None, description="What it is about; the lists of verdicts can be narrowed to it.")


class BatchRequest(BaseModel):
    """Tweets to judge, in order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"texts": ["Lost my bag again.", "Je suis content d'être ici !"]}]},
    )

    texts: list[Tweet] = Field(min_length=1, max_length=MAX_TEXTS)
    topic: Topic | None = Field(None, description="What they are all about.")


class ModelReference(BaseModel):
    """Which model judged."""

    name: str = Field(examples=["sentiment"])
    version: str = Field(examples=["3"])
    recipe: str = Field(examples=["tfidf_logreg"])


class PredictionOut(BaseModel):
    """A verdict."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "019ab3c1-5f6e-7b32-9d0a-6f1c2e4b8a71",
                    "sentiment": "negative",
                    "score": 0.04,
                    "confidence": 0.96,
                    "uncertain": False,
                    "language": "en",
                    "model": {"name": "sentiment", "version": "3", "recipe": "tfidf_logreg"},
                }
            ]
        }
    )

    id: str = Field(description="Name it in POST /v1/feedback.")
    sentiment: Sentiment
    score: float = Field(ge=0, le=1, description="Calibrated probability that the tweet is positive.")
    confidence: float = Field(ge=0.5, le=1, description="max(score, 1 - score).")
    uncertain: bool = Field(description="The score is so close to one half that a person should look.")
    language: Language = Field(description="en, fr, or und when neither is clear.")
    model: ModelReference


class VerdictOut(BaseModel):
    """A verdict that is explained, not recorded: it has no id."""

    sentiment: Sentiment
    score: float = Field(ge=0, le=1, description="Calibrated probability that the tweet is positive.")
    confidence: float = Field(ge=0.5, le=1, description="max(score, 1 - score).")
    uncertain: bool = Field(description="The score is so close to one half that a person should look.")
    language: Language = Field(description="en, fr, or und when neither is clear.")


class TokenOut(BaseModel):
    """A run of the tweet without white space, and what it did to the score."""

    text: str
    start: int = Field(ge=0, description="Where it starts in the tweet, in Unicode code points.")
    end: int = Field(ge=0, description="Where it ends, in Unicode code points; the end is not part of it.")
    contribution: float = Field(description="In log-odds of positive: above 0 it pulls to positive, below to negative.")


class ExplanationOut(BaseModel):
    """Why a tweet is judged as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prediction": {
                        "sentiment": "negative",
                        "score": 0.12,
                        "confidence": 0.88,
                        "uncertain": False,
                        "language": "en",
                    },
                    "method": "linear",
                    "base": 0.2,
                    "tokens": [
                        {"text": "Lost", "start": 0, "end": 4, "contribution": -1.6},
                        {"text": "luggage.", "start": 5, "end": 13, "contribution": -0.59},
                    ],
                    "model": {"name": "sentiment", "version": "3", "recipe": "tfidf_logreg"},
                }
            ]
        }
    )

    prediction: VerdictOut
    method: Literal["linear", "occlusion"] = Field(
        description="linear: exact, the contributions and the base add up to the log-odds of the score. "
        "occlusion: each word is left out in turn, and its contribution is what the score loses."
    )
    base: float = Field(description="Log-odds of positive before any word is read.")
    tokens: list[TokenOut] = Field(description="In the order of the tweet.")
    model: ModelReference


class BatchOut(BaseModel):
    """Verdicts, in the order of the texts."""

    predictions: list[PredictionOut]
