"""A text as the mean of its words' vectors.

With a weight a word and a direction taken out it is the smooth inverse frequency of Arora, Liang and Ma (2017), "A
Simple but Tough-to-Beat Baseline for Sentence Embeddings", https://openreview.net/forum?id=SyK00v5xx.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.artifact import pack_arrays, unpack_arrays
from vigie_model.cleaning import Cleaner, cleaning_from_json
from vigie_model.errors import ArtifactError
from vigie_model.heads import Cost
from vigie_model.sequences import pack_words, unpack_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS_FILE = "words.json"
VECTORS_FILE = "vectors.npz"


class WordVectorFeatures:
    """(Σ weight · vector over the known tokens) / (number of known tokens), minus its part along `common`.

    `words` has no duplicates; `vectors` one row a word, float16 or float32, kept as it is in the artifact;
    `word_weights` one number a word (None: 1 each); `common` a direction of length 1, shape (vectors.shape[1],). A text
    without a known token is all zeros. Raises ArtifactError when these do not go together or are not finite.
    """

    cost: Cost = "light"

    def __init__(
        self,
        cleaner: Cleaner,
        words: Sequence[str],
        vectors: NDArray[np.float16] | NDArray[np.float32],
        word_weights: NDArray[np.float32] | None = None,
        common: NDArray[np.float32] | None = None,
    ) -> None:
        self.cleaner = cleaner
        self.words = tuple(words)
        self.vectors = vectors
        self.word_weights = word_weights
        self.common = common
        self._numbers = {word: number for number, word in enumerate(self.words)}
        if len(self._numbers) != len(self.words):
            raise ArtifactError("The word vectors name a word twice.")
        if vectors.ndim != 2 or vectors.dtype not in (np.float16, np.float32) or len(vectors) != len(self.words):
            raise ArtifactError("The word vectors are not one row of float16 or float32 a word.")
        self.width = int(vectors.shape[1])
        if word_weights is not None and word_weights.shape != (len(self.words),):
            raise ArtifactError("The word vectors' weights are not one number a word.")
        if common is not None and common.shape != (self.width,):
            raise ArtifactError("The direction that word vectors lose has another width than they.")
        for array in (vectors, word_weights, common):
            if array is not None and not np.isfinite(array).all():
                raise ArtifactError("The word vectors are not all finite numbers.")
        rows = vectors.astype(np.float32)
        self._rows = rows if word_weights is None else rows * word_weights.astype(np.float32)[:, None]
        self._common = None if common is None else common.astype(np.float32)

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The mean of each text's word vectors, float32, shape (len(texts), width)."""
        out = np.zeros((len(texts), self.width), dtype=np.float32)
        number_of = self._numbers.get
        for row, text in zip(out, texts, strict=True):
            known = [number for token in self.cleaner.tokens(text) if (number := number_of(token)) is not None]
            if known:
                row += self._rows[known].mean(axis=0, dtype=np.float32)
                if self._common is not None:
                    row -= np.dot(row, self._common) * self._common
        return out

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {
            "kind": "word_vectors",
            "cleaning": self.cleaner.options.to_json(),
            "size": len(self.words),
            "width": self.width,
        }

    def files(self) -> dict[str, bytes]:
        """The words and their vectors."""
        arrays: dict[str, NDArray[Any]] = {"vectors": self.vectors}
        if self.word_weights is not None:
            arrays["word_weights"] = self.word_weights.astype(np.float32)
        if self.common is not None:
            arrays["common"] = self.common.astype(np.float32)
        return {WORDS_FILE: pack_words(self.words), VECTORS_FILE: pack_arrays(arrays)}


def load_word_vectors(entry: Mapping[str, Any], files: Mapping[str, bytes]) -> WordVectorFeatures:
    """The features that a manifest describes. Raises ArtifactError when the entry or a file is not sound."""
    cleaner = Cleaner(cleaning_from_json(entry.get("cleaning")))
    words = unpack_words(files, WORDS_FILE)
    if VECTORS_FILE not in files:
        raise ArtifactError(f"The artifact has no {VECTORS_FILE}.")
    arrays: dict[str, NDArray[Any]] = unpack_arrays(files[VECTORS_FILE], VECTORS_FILE)
    unknown = sorted(set(arrays) - {"vectors", "word_weights", "common"})
    if "vectors" not in arrays or unknown or any(array.dtype.kind != "f" for array in arrays.values()):
        raise ArtifactError(f"{VECTORS_FILE} does not hold word vectors.")
    features = WordVectorFeatures(cleaner, words, arrays["vectors"], arrays.get("word_weights"), arrays.get("common"))
    if (entry.get("size"), entry.get("width")) != (len(words), features.width):
        raise ArtifactError("The word vectors are not as many, or not as wide, as the manifest says.")
    return features
