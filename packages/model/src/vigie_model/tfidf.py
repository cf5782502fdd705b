"""TF-IDF features of tweets: blocks of word n-grams and of character n-grams inside tokens.

Equal to scikit-learn's `FeatureUnion` of `TfidfVectorizer`s over the same tokens (a property test proves it): per
block, term frequency (or 1 + its natural logarithm) times inverse document frequency, divided by the block's
Euclidean norm. Formulas: https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vigie_model.artifact import pack_arrays, unpack_arrays
from vigie_model.cleaning import Cleaner, cleaning_from_json
from vigie_model.errors import ArtifactError
from vigie_model.heads import Cost
from vigie_model.negation import WIDEST, mark_negated

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

_CACHE_SIZE = 16_384  # tokens

Analyzer = Literal["word", "char_wb"]
NEGATED_WORDS = "word_negated"
"""What a manifest calls the analyzer "word" with a `negation_span`."""


def word_ngrams(tokens: Sequence[str], low: int, high: int) -> list[str]:
    """All runs of `low` to `high` tokens, joined by spaces, as scikit-learn's analyzer "word" lists them."""
    out: list[str] = []
    for n in range(low, high + 1):
        if n == 1:
            out.extend(tokens)
        elif n == 2:
            out.extend([f"{a} {b}" for a, b in pairwise(tokens)])
        else:
            out.extend([" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)])
    return out


def token_char_ngrams(token: str, low: int, high: int) -> list[str]:
    """The character n-grams of one token between two spaces, as scikit-learn's analyzer "char_wb" lists them."""
    padded = f" {token} "
    length = len(padded)
    out: list[str] = []
    for n in range(low, high + 1):
        if n >= length:  # a short token counts once, whatever the longer n
            out.append(padded)
            break
        out.extend([padded[i : i + n] for i in range(length - n + 1)])
    return out


@dataclass(frozen=True, slots=True)
class Block:
    """One vocabulary with its weights.

    `terms` has no duplicates; `idf` has one positive number a term, float64, shape (len(terms),).
    """

    analyzer: Analyzer
    ngrams: tuple[int, int]
    terms: Sequence[str]
    idf: NDArray[np.float64]
    sublinear: bool = True
    negation_span: int = 0
    """Of words: so many after a negation are other terms than without it (see `negation`); 0: none."""

    def index(self) -> dict[str, int]:
        """Term to column inside the block."""
        return {term: column for column, term in enumerate(self.terms)}


class TfidfFeatures:
    """Blocks side by side, over one cleaner. `transform` gives rows of `width` columns."""

    cost: Cost = "light"

    def __init__(self, cleaner: Cleaner, blocks: Sequence[Block]) -> None:
        self.cleaner = cleaner
        self.blocks = tuple(blocks)
        self.width = sum(len(block.terms) for block in blocks)
        self._indexes = [block.index() for block in self.blocks]
        self._char_ids: list[dict[str, tuple[int, ...]]] = [{} for _ in self.blocks]

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """The features of each text: CSR, float64, shape (len(texts), width); columns in the order of the blocks."""
        from scipy.sparse import csr_matrix, hstack

        if not self.blocks:
            return csr_matrix((len(texts), 0))
        documents = [self.cleaner.tokens(text) for text in texts]
        parts = [self._block_rows(number, documents) for number in range(len(self.blocks))]
        return parts[0] if len(parts) == 1 else hstack(parts, format="csr")

    def index(self, number: int) -> dict[str, int]:
        """Term to column inside block `number`."""
        return self._indexes[number]

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        blocks = [
            {
                # Another name, so that a version which cannot mark words refuses the artifact and does not misjudge.
                "analyzer": NEGATED_WORDS if block.negation_span else block.analyzer,
                "ngrams": list(block.ngrams),
                "sublinear_tf": block.sublinear,
                "size": len(block.terms),
                **({"negation_span": block.negation_span} if block.negation_span else {}),
            }
            for block in self.blocks
        ]
        return {"kind": "tfidf", "cleaning": self.cleaner.options.to_json(), "blocks": blocks}

    def files(self) -> dict[str, bytes]:
        """The terms and the weights of each block."""
        files: dict[str, bytes] = {}
        for number, block in enumerate(self.blocks):
            files[f"terms_{number}.json"] = json.dumps(list(block.terms), separators=(",", ":")).encode()
            files[f"idf_{number}.npz"] = pack_arrays({"idf": block.idf})
        return files

    def _block_rows(self, number: int, documents: Sequence[Sequence[str]]) -> csr_matrix:
        from scipy.sparse import csr_matrix

        block = self.blocks[number]
        indices: list[int] = []
        starts = [0]
        for tokens in documents:
            indices.extend(self.block_ids(number, tokens))
            starts.append(len(indices))
        rows = csr_matrix(
            (np.ones(len(indices)), np.asarray(indices, dtype=np.int64), np.asarray(starts, dtype=np.int64)),
            shape=(len(documents), len(block.terms)),
        )
        rows.sum_duplicates()
        return weigh(rows, block.idf, sublinear=block.sublinear)

    def block_ids(self, number: int, tokens: Sequence[str]) -> list[int]:
        """The columns, inside block `number`, of every known n-gram of the tokens; one entry an occurrence."""
        block = self.blocks[number]
        low, high = block.ngrams
        if block.analyzer == "word":
            index = self._indexes[number]
            if block.negation_span:
                tokens, _ = mark_negated(tokens, block.negation_span)
            return [index[term] for term in word_ngrams(tokens, low, high) if term in index]
        return [column for token in tokens for column in self.token_char_ids(number, token)]

    def token_char_ids(self, number: int, token: str) -> tuple[int, ...]:
        """The columns, inside character block `number`, of one token's n-grams."""
        cache = self._char_ids[number]
        known = cache.get(token)
        if known is None:
            known = self.find_char_ids(number, token)
            if len(cache) >= _CACHE_SIZE:
                cache.clear()
            if len(token) <= 32:
                cache[token] = known
        return known

    def find_char_ids(self, number: int, token: str) -> tuple[int, ...]:
        """What `token_char_ids` gives, for those who remember more of a token themselves."""
        low, high = self.blocks[number].ngrams
        found = map(self._indexes[number].get, token_char_ngrams(token, low, high))
        return tuple([column for column in found if column is not None])


def load_tfidf(entry: Mapping[str, Any], files: Mapping[str, bytes]) -> TfidfFeatures:
    """The features that a manifest describes. Raises ArtifactError when the entry or a file is not sound."""
    cleaner = Cleaner(cleaning_from_json(entry.get("cleaning")))
    try:
        blocks = [_load_block(number, block, files) for number, block in enumerate(entry["blocks"])]
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ArtifactError("The manifest's features are incomplete, or one of their files is.") from error
    return TfidfFeatures(cleaner, blocks)


def _load_block(number: int, entry: Mapping[str, Any], files: Mapping[str, bytes]) -> Block:
    name, span = entry["analyzer"], int(entry.get("negation_span", 0))
    if name not in ("word", "char_wb", NEGATED_WORDS):
        raise ArtifactError(f"Unknown analyzer {name!r}: known are word, {NEGATED_WORDS} and char_wb.")
    if not (1 <= span <= WIDEST if name == NEGATED_WORDS else span == 0):
        raise ArtifactError(f"The analyzer {name} cannot have a negation_span of {span}.")
    low, high = map(int, entry["ngrams"])
    if not 1 <= low <= high <= 10:
        raise ArtifactError(f"n-grams of {low} to {high} make no sense.")
    terms = json.loads(files[f"terms_{number}.json"])
    idf = unpack_arrays(files[f"idf_{number}.npz"], f"idf_{number}.npz")["idf"].astype(np.float64)
    if len(set(terms)) != len(terms) or idf.shape != (len(terms),) or len(terms) != entry["size"]:
        raise ArtifactError(f"The terms of block {number} and their weights do not match.")
    if not (np.isfinite(idf).all() and (idf > 0).all()):
        raise ArtifactError(f"The weights of block {number} are not all positive numbers.")
    analyzer: Analyzer = "char_wb" if name == "char_wb" else "word"
    return Block(analyzer, (low, high), [str(term) for term in terms], idf, bool(entry["sublinear_tf"]), span)


def weigh(counts: csr_matrix, idf: NDArray[np.float64], *, sublinear: bool) -> csr_matrix:
    """Counts turned, in place, into TF-IDF rows of Euclidean norm 1 (a row without a term stays empty)."""
    data = counts.data
    if sublinear:
        np.log(data, out=data)
        data += 1.0
    data *= idf[counts.indices]
    lengths = np.diff(counts.indptr)
    squares = np.add.reduceat(np.append(data * data, 0.0), counts.indptr[:-1]) if counts.shape[0] else np.zeros(0)
    squares[lengths == 0] = 1.0
    data /= np.repeat(np.sqrt(squares), lengths)
    return counts
