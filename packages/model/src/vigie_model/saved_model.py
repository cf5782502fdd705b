"""A sentence encoder as TensorFlow saves it: a TF-Hub address or a SavedModel folder. The one part that needs
TensorFlow to serve.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.features import finite_rows
from vigie_model.heads import Cost
from vigie_model.plain import plain_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 64
_PROBE = "The crew was lovely."


class SavedModelFeatures:
    """The output of a model that takes a vector of texts and gives one row a text.

    `handle` is an address that tensorflow_hub resolves or a folder; it is stored as it is, so it must be reachable
    where the artifact serves. Raises ArtifactError when TensorFlow is missing, or the model does not load or is not of
    that shape.
    """

    cost: Cost = "heavy"

    def __init__(self, handle: str) -> None:
        self.handle = handle
        self._tensorflow = _module("tensorflow")
        self._call = _callable(_load(handle))
        self.width = self._probe_width()

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The row of each text, float32, shape (len(texts), width)."""
        parts = [np.zeros((0, self.width), dtype=np.float32)]
        for start in range(0, len(texts), _BATCH):
            rows = self._rows(texts[start : start + _BATCH])
            parts.append(finite_rows(rows, self.width, f"The model at {self.handle}"))
        return np.concatenate(parts)

    def describe(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"kind": "saved_model", "handle": self.handle, "width": self.width}

    def files(self) -> dict[str, bytes]:
        """None: the handle says where the model is."""
        return {}

    def _rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        answer = self._call(self._tensorflow.constant([plain_text(text) for text in texts]))
        if isinstance(answer, Mapping):
            answer = answer.get("outputs", answer.get("default", next(iter(answer.values()), None)))
        return np.asarray(answer, dtype=np.float32)

    def _probe_width(self) -> int:
        try:
            rows = self._rows([_PROBE, ""])
        except Exception as error:  # TensorFlow raises what the operations of the graph raise
            raise ArtifactError(f"The model at {self.handle} does not take a vector of texts.") from error
        if rows.ndim != 2 or rows.shape[0] != 2 or not np.isfinite(rows).all():
            raise ArtifactError(f"The model at {self.handle} does not give a row of finite numbers a text.")
        return int(rows.shape[1])


def load_saved_model(entry: Mapping[str, Any]) -> SavedModelFeatures:
    """The features that a manifest describes. Raises ArtifactError when they cannot be had here."""
    handle = entry.get("handle")
    if not isinstance(handle, str) or not handle:
        raise ArtifactError("The manifest's features are incomplete: the handle of the saved model is missing.")
    features = SavedModelFeatures(handle)
    if entry.get("width") != features.width:
        raise ArtifactError(
            f"The model at {handle} gives {features.width} columns, the manifest says {entry.get('width')}."
        )
    return features


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ArtifactError(
            f"This artifact needs {name} to serve, which is not installed here: its features are a saved TensorFlow "
            "model. Install it, or build the API's image with TensorFlow."
        ) from error


def _load(handle: str) -> Any:
    try:
        if Path(handle).is_dir():
            return _module("tensorflow").saved_model.load(handle)
        return _module("tensorflow_hub").load(handle)
    except ArtifactError:
        raise
    except Exception as error:  # what a download, a cache or a graph raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ArtifactError(f"The model at {handle} cannot be loaded: {reason}") from error


def _callable(loaded: Any) -> Any:
    if callable(loaded):
        return _keeping(loaded, loaded)
    signatures = getattr(loaded, "signatures", {})
    for name in ("serving_default", "default"):
        if name in signatures:
            return _keeping(signatures[name], loaded)
    raise ArtifactError("The saved model can neither be called nor has it a signature serving_default.")


def _keeping(function: Any, owner: Any) -> Any:
    """The function, with its owner kept alive: TensorFlow frees the variables of a model that nobody holds."""
    return lambda texts: (owner, function(texts))[1]
