"""Features: from texts to rows of numbers, and back from the files of an artifact.

TfidfFeatures        counts of words and characters, weighed            sparse float64
WordVectorFeatures   the mean of the words' vectors                     float32
UseFeatures          Universal Sentence Encoder, from its package       float32
TransformerFeatures  a frozen encoder as an ONNX graph                  float32
SavedModelFeatures   a TF-Hub handle or SavedModel folder (TensorFlow)  float32
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.heads import Cost
from vigie_model.tfidf import load_tfidf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vigie_model.heads import Rows

KINDS = ("tfidf", "word_vectors", "use", "transformer", "saved_model")


class Features(Protocol):
    """What every kind of features offers."""

    width: int
    """Columns of a row."""
    cost: Cost
    """light: microseconds a text; heavy: more."""

    def transform(self, texts: Sequence[str]) -> Rows:
        """One row a text, in order: CSR float64 or an array of float32, shape (len(texts), width)."""
        ...

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        ...

    def files(self) -> dict[str, bytes]:
        """The data files, by name."""
        ...


def load_features(entry: Mapping[str, Any], files: Mapping[str, bytes], *, threads: int) -> Features:
    """The features that a manifest describes. Raises ArtifactError for an unknown kind or an unsound file."""
    # Each kind is imported when an artifact has it: onnxruntime and the encoders take long, and most starts need none.
    match entry.get("kind"):
        case "tfidf":
            return load_tfidf(entry, files)
        case "word_vectors":
            from vigie_model.word_vectors import load_word_vectors

            return load_word_vectors(entry, files)
        case "use":
            from vigie_model.use import load_use

            return load_use(entry)
        case "transformer":
            from vigie_model.transformer import load_transformer

            return load_transformer(entry, files, threads=threads)
        case "saved_model":
            from vigie_model.saved_model import load_saved_model

            return load_saved_model(entry)
        case kind:
            raise ArtifactError(f"Unknown features {kind!r}: this version of vigie_model knows {', '.join(KINDS)}.")


def finite_rows(rows: NDArray[np.float32], width: int, source: str) -> NDArray[np.float32]:
    """The rows as contiguous float32. Raises ArtifactError when their shape is not (n, width) or one is not finite."""
    if rows.ndim != 2 or rows.shape[1] != width or not np.isfinite(rows).all():
        raise ArtifactError(f"{source} does not give {width} finite numbers a text.")
    return np.ascontiguousarray(rows, dtype=np.float32)
