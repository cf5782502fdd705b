"""Weights of a network in training, kept on disk under a key of all that decides them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigie_trainer.data.rows import rows_digest
from vigie_trainer.fit.task import Sample

TRAINING_VERSION = 1
"""Raise it when the code of a network or of its training changes what comes out; old checkpoints are then not used."""

Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class State:
    """Where training is: steps done, the network's weights, the optimizer's (none when it is finished), and the loss
    of every step."""

    step: int
    weights: Arrays
    optimizer: Arrays
    losses: list[float]
    seconds: float
    """Spent in training so far, over all the processes that took part."""


def training_key(spec: Mapping[str, Any], sample: Sample, *, seed: int, start: str) -> str:
    """A digest of what decides the weights: the network, its rows in order and what each counts, the seed, and what
    it starts from (`start`, a digest)."""
    document = {
        "version": TRAINING_VERSION,
        "network": dict(spec),
        "rows": rows_digest(sample.texts, sample.labels.tolist()),
        "seed": seed,
        "start": start,
    }
    if sample.weights is not None:
        document["weights"] = hashlib.sha256(sample.weights.tobytes()).hexdigest()
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]


class Checkpoint:
    """One network's checkpoint; a kill at any moment leaves the former one whole."""

    def __init__(self, folder: Path, key: str) -> None:
        self._path = folder / "networks" / f"{key}.npz"

    def read(self) -> State | None:
        """The state that was kept; None when there is none, or none that can be read."""
        if not self._path.is_file():
            return None
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                weights = [archive[f"w{at}"] for at in range(int(archive["weights"]))]
                optimizer = [archive[f"o{at}"] for at in range(int(archive["optimizer"]))]
                losses = archive["losses"].tolist()
                return State(int(archive["step"]), weights, optimizer, losses, float(archive["seconds"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def write(self, state: State) -> None:
        """Keep the state instead of the former one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, suffix=".part")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(
                    file,
                    step=state.step,
                    weights=len(state.weights),
                    optimizer=len(state.optimizer),
                    losses=np.asarray(state.losses, dtype=np.float32),
                    seconds=state.seconds,
                    **{f"w{at}": array for at, array in enumerate(state.weights)},  # type: ignore[arg-type]  # numpy's stub takes any keyword for allow_pickle
                    **{f"o{at}": array for at, array in enumerate(state.optimizer)},  # type: ignore[arg-type]  # the same
                )
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
