"""From a text to the numbers of its tokens, as a network was trained to read them.

WordPieces   BERT's pieces of words, by Hugging Face's tokenizers
WordIndex    whole words of the cleaning, by their place in a list
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from vigie_model.cleaning import Cleaner, cleaning_from_json
from vigie_model.errors import ArtifactError
from vigie_model.plain import plain_text

VOCABULARY_FILE = "vocabulary.json"

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_LONGEST = 4_096


class Tokens(Protocol):
    """What turns texts into token numbers."""

    max_length: int
    """No text has more numbers than this."""
    padding: int
    """The number that fills up the shorter rows of a batch."""
    highest: int
    """The highest number that `encode` can give."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The token numbers of each text, in order: at least one, at most `max_length`."""
        ...

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        ...

    def files(self) -> dict[str, bytes]:
        """The data files, by name."""
        ...


class WordPieces:
    """BERT's word pieces over the plain text, between [CLS] and [SEP]; what is too long is cut at the end.

    `vocabulary` is that of the encoder, in its order ([PAD], [UNK], [CLS] and [SEP] among it). Lower case also takes
    the accents off, as BERT's uncased models do. Raises ArtifactError when the vocabulary is not sound.
    """

    def __init__(self, vocabulary: Sequence[str], max_length: int = 48, lowercase: bool = True) -> None:
        from tokenizers import BertWordPieceTokenizer

        self.vocabulary = tuple(vocabulary)
        self.max_length = max_length
        self.lowercase = lowercase
        numbers = {piece: number for number, piece in enumerate(self.vocabulary)}
        if len(numbers) != len(self.vocabulary):
            raise ArtifactError("The vocabulary of word pieces names a piece twice.")
        lacking = [piece for piece in _SPECIAL if piece not in numbers]
        if lacking:
            raise ArtifactError(f"The vocabulary of word pieces lacks {', '.join(lacking)}.")
        _check_length(max_length, at_least=3)
        self.padding = numbers["[PAD]"]
        self.highest = len(numbers) - 1
        self._tokenizer = BertWordPieceTokenizer(numbers, lowercase=lowercase)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's pieces; a text without any is [CLS] [SEP]."""
        # One by one: the library's batches start a thread for every core, whatever the model may use.
        return [self._tokenizer.encode(plain_text(text)).ids for text in texts]

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {
            "kind": "word_pieces",
            "max_length": self.max_length,
            "lowercase": self.lowercase,
            "size": len(self.vocabulary),
        }

    def files(self) -> dict[str, bytes]:
        """The vocabulary."""
        return {VOCABULARY_FILE: pack_words(self.vocabulary)}


class WordIndex:
    """Words of the cleaning by their place in `vocabulary`: 0 is padding, 1 any other word, 2 the first of the list.

    A text without a word is the one number 1. Raises ArtifactError when a word comes twice.
    """

    padding = 0

    def __init__(self, cleaner: Cleaner, vocabulary: Sequence[str], max_length: int) -> None:
        self.cleaner = cleaner
        self.vocabulary = tuple(vocabulary)
        self.max_length = max_length
        self._numbers = {word: number for number, word in enumerate(self.vocabulary, 2)}
        if len(self._numbers) != len(self.vocabulary):
            raise ArtifactError("The vocabulary names a word twice.")
        _check_length(max_length, at_least=1)
        self.highest = len(self.vocabulary) + 1

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's first `max_length` words."""
        number_of = self._numbers.get
        return [
            [number_of(token, 1) for token in self.cleaner.tokens(text)[: self.max_length]] or [1] for text in texts
        ]

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {
            "kind": "word_index",
            "cleaning": self.cleaner.options.to_json(),
            "max_length": self.max_length,
            "size": len(self.vocabulary),
        }

    def files(self) -> dict[str, bytes]:
        """The vocabulary."""
        return {VOCABULARY_FILE: pack_words(self.vocabulary)}


def load_tokens(entry: Mapping[str, Any], files: Mapping[str, bytes]) -> WordPieces | WordIndex:
    """The tokens that a manifest describes. Raises ArtifactError for an unknown kind or an unsound file."""
    kind = entry.get("kind")
    if kind not in ("word_pieces", "word_index"):
        raise ArtifactError(f"Unknown tokens {kind!r}: this version of vigie_model knows word_pieces and word_index.")
    length = entry.get("max_length")
    if not isinstance(length, int) or isinstance(length, bool):
        raise ArtifactError("The greatest number of tokens is not a whole number.")
    vocabulary = unpack_words(files, VOCABULARY_FILE)
    if entry.get("size") != len(vocabulary):
        raise ArtifactError(f"{VOCABULARY_FILE} has {len(vocabulary)} entries, the manifest says {entry.get('size')}.")
    if kind == "word_index":
        return WordIndex(Cleaner(cleaning_from_json(entry.get("cleaning"))), vocabulary, length)
    lowercase = entry.get("lowercase")
    if not isinstance(lowercase, bool):
        raise ArtifactError("Whether word pieces are in lower case must be true or false.")
    return WordPieces(vocabulary, length, lowercase)


def pack_words(words: Sequence[str]) -> bytes:
    """The words as a JSON file."""
    return json.dumps(list(words), separators=(",", ":")).encode()


def unpack_words(files: Mapping[str, bytes], name: str) -> list[str]:
    """The words in the JSON file `name`. Raises ArtifactError when it is missing or holds anything else."""
    if name not in files:
        raise ArtifactError(f"The artifact has no {name}.")
    try:
        words = json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{name} is not JSON.") from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ArtifactError(f"{name} is not a list of words.")
    return words


def _check_length(length: int, *, at_least: int) -> None:
    if not at_least <= length <= _LONGEST:
        raise ArtifactError(f"A text of {length} tokens at most makes no sense: {at_least} to {_LONGEST} do.")
