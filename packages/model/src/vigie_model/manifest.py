"""The manifest: what an artifact is, and the SHA-256 of every other file of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vigie_model.calibration import Calibration, calibration_from_json
from vigie_model.cleaning import cleaning_from_json
from vigie_model.errors import ArtifactError

FORMAT = 2
READ_FORMATS = (1, 2)
MANIFEST_FILE = "manifest.json"
LABELS = ("negative", "positive")

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_]*\.(?:npz|json|onnx|txt)")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The facts of an artifact. `files` maps each file's name to its SHA-256 in hexadecimal."""

    recipe: str
    scorer: Mapping[str, Any]
    """What makes a margin of a text: an entry with its `kind`, which may hold others."""
    calibration: Calibration
    uncertain: tuple[float, float]
    """Scores strictly between the two are uncertain."""
    reference: Mapping[str, Any] = field(default_factory=dict)
    """Statistics of the training data and its out-of-fold scores, for telling drift later."""
    trained: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained on: dataset, rows, digest …"""
    files: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, str] = LABELS
    format: int = FORMAT
    """The format it was read from; a manifest is always written in the newest."""

    def to_bytes(self) -> bytes:
        """The canonical JSON document of the newest format; equal manifests give equal bytes.

        Raises ArtifactError when a value is not plain data.
        """
        document = {
            "format": FORMAT,
            "recipe": self.recipe,
            "labels": list(self.labels),
            "scorer": self.scorer,
            "calibration": self.calibration.to_json(),
            "uncertain": {"low": self.uncertain[0], "high": self.uncertain[1]},
            "reference": self.reference,
            "trained": self.trained,
            "files": self.files,
        }
        try:
            return (json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"The manifest holds something that JSON cannot: {error}.") from error


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in `data`. Raises ArtifactError, with a sentence, for anything but a sound one of format 1 or 2.

    Format 1 had cleaning, features and head side by side, where format 2 has one scorer that holds them.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArtifactError("manifest.json is not JSON.") from error
    if not isinstance(document, dict):
        raise ArtifactError("manifest.json is not a JSON object.")
    number = document.get("format")
    if number not in READ_FORMATS or isinstance(number, bool | float):
        raise ArtifactError(
            f"This artifact has format {number!r}; this version of vigie_model reads formats "
            f"{', '.join(map(str, READ_FORMATS))}. Upgrade it, or train again."
        )
    try:
        manifest = Manifest(
            recipe=_text(document["recipe"]),
            scorer=_mapping(document["scorer"]) if number == FORMAT else _scorer_of_format_1(document),
            calibration=calibration_from_json(_mapping(document["calibration"])),
            uncertain=_band(_mapping(document["uncertain"])),
            reference=_mapping(document["reference"]),
            trained=_mapping(document["trained"]),
            files={_file_name(name): _text(digest) for name, digest in _mapping(document["files"]).items()},
            labels=_labels(document["labels"]),
            format=number,
        )
    except KeyError as error:
        raise ArtifactError(f"manifest.json lacks {error}.") from error
    known = set(Manifest.__slots__)
    if number == 1:
        known = known - {"scorer"} | {"cleaning", "features", "head"}
    unknown = sorted(set(document) - known)
    if unknown:
        raise ArtifactError(f"manifest.json has entries that format {number} does not know: {', '.join(unknown)}.")
    return manifest


def digest_of(data: bytes) -> str:
    """The SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ArtifactError(f"manifest.json has {value!r} where a text belongs.")
    return value


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ArtifactError(f"manifest.json has {value!r} where an object belongs.")
    return value


def _file_name(name: str) -> str:
    if not _FILE_NAME.fullmatch(name) or name == MANIFEST_FILE:
        raise ArtifactError(f"The manifest names the file {name!r}, which an artifact cannot hold.")
    return name


def _scorer_of_format_1(document: Mapping[str, Any]) -> dict[str, Any]:
    cleaning = cleaning_from_json(document["cleaning"])
    features = {**_mapping(document["features"]), "cleaning": cleaning.to_json()}
    return {"kind": "features", "features": features, "head": _mapping(document["head"])}


def _band(value: Mapping[str, Any]) -> tuple[float, float]:
    low, high = value["low"], value["high"]
    if not (isinstance(low, int | float) and isinstance(high, int | float) and 0 <= low <= 0.5 <= high <= 1):
        raise ArtifactError("The uncertain band must lie around one half, between 0 and 1.")
    return float(low), float(high)


def _labels(value: object) -> tuple[str, str]:
    if value != list(LABELS):
        raise ArtifactError(f"The labels are {', '.join(LABELS)}.")
    return LABELS
