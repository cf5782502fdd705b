"""Word vectors trained on the texts at hand, by gensim, and kept by the digest of those texts and of the parameters.

Mikolov et al. (2013), "Distributed Representations of Words and Phrases and their Compositionality".
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.encoders.backbone import NEEDS_DEEP
from vigie_trainer.encoders.writing import write_file
from vigie_trainer.fit.errors import FitError
from vigie_trainer.recipe import Word2vecSpec

_VERSION = "1"  # raise it when the same texts and parameters give other vectors


@dataclass(frozen=True)
class TrainedVectors:
    """Words, one row for each, and the seconds that their training took (when it took place)."""

    words: list[str]
    vectors: NDArray[np.float32]
    seconds: float


def trained_vectors(
    documents: Sequence[Sequence[str]], spec: Word2vecSpec, cache: Path, *, seed: int
) -> TrainedVectors:
    """The vectors of the documents' words, from the cache when they were trained before.

    One thread trains them: with several, gensim gives other vectors each time.

    Raises FitError when gensim is not installed, or no word comes often enough.
    """
    parameters = spec.model_dump(mode="json", exclude={"pooling"})
    digest = hashlib.sha256(json.dumps([_VERSION, seed, parameters], sort_keys=True).encode())
    for tokens in documents:
        digest.update("\x1f".join(tokens).encode("utf-8", "surrogatepass") + b"\n")
    path = cache / "word2vec" / f"{digest.hexdigest()[:32]}.npz"
    known = _read(path)
    if known is None:
        known = _train(documents, spec, seed)
        buffer = io.BytesIO()
        np.savez(buffer, words=np.array(known.words), vectors=known.vectors, seconds=np.array(known.seconds))
        write_file(path, buffer.getvalue())
    return known


def _train(documents: Sequence[Sequence[str]], spec: Word2vecSpec, seed: int) -> TrainedVectors:
    if importlib.util.find_spec("gensim") is None:
        raise FitError(f"word2vec {NEEDS_DEEP}")
    from gensim.models import Word2Vec

    started = time.perf_counter()
    total = sum(map(len, documents))
    epochs = max(1, min(spec.epochs, spec.max_words // max(1, total)))
    model = Word2Vec(
        vector_size=spec.size,
        window=spec.window,
        sg=int(spec.architecture == "skipgram"),
        negative=spec.negative,
        min_count=spec.min_count,
        sample=spec.sample,
        epochs=epochs,
        seed=seed,
        workers=1,
    )
    model.build_vocab(documents)
    if not len(model.wv):
        raise FitError(f"No word comes {spec.min_count} times in the training texts: there are no vectors to learn.")
    model.train(documents, total_examples=model.corpus_count, epochs=epochs)
    vectors = np.asarray(model.wv.vectors, dtype=np.float32)
    return TrainedVectors(list(model.wv.index_to_key), vectors, time.perf_counter() - started)


def _read(path: Path) -> TrainedVectors | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return TrainedVectors(archive["words"].tolist(), archive["vectors"], float(archive["seconds"]))
    except Exception:  # no file, or the zip and npy readers' dozen types for damaged bytes
        return None
